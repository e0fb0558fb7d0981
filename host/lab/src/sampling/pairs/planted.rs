//! A slowdown that is really there, and of which we know how large it is.

use crate::sampling::pairs::clock::Clock;
use std::time::Duration;

/// By which share the new build is made slower, to see what a gate calls that.
#[derive(Debug, Clone, Copy, Default)]
pub struct Planted(f64);

impl Planted {
    /// By a share: 0.1 for a tenth.
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
