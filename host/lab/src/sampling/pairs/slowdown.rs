//! A slowdown that is really there, and of which it is known how large it is.

use super::clock::Clock;
use std::time::Duration;

/// By which share the new build is made slower, to see what a gate calls that.
#[derive(Debug, Clone, Copy, Default)]
pub struct InjectedSlowdown(f64);

impl InjectedSlowdown {
    /// Returns a slowdown by a share: 0.1 for 10 %.
    pub fn new(share: f64) -> Self {
        Self(share)
    }

    /// Stays busy for its share of the time since `start`, with the caches left as they are.
    pub(super) fn delay(self, clock: Clock, start: Duration) {
        if self.0 <= 0.0 {
            return;
        }
        let end = start + (clock.now() - start).mul_f64(1.0 + self.0);
        while clock.now() < end {
            std::hint::spin_loop();
        }
    }
}
