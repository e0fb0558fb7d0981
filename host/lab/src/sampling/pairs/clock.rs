//! By which clock a slice is timed.

use crate::sampling::cpu::thread_cpu;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// A clock, of which only differences mean something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// The CPU time of this thread: a guest that never waits runs on it alone, and what the kernel
    /// gave to others meanwhile is none of its cost.
    Thread,
    /// The wall's: a guest that waits has to be seen to.
    Wall,
}

impl Clock {
    /// Reads the clock. Only differences mean something.
    pub fn now(self) -> Duration {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        match self {
            Self::Thread => thread_cpu(),
            Self::Wall => START.elapsed(),
        }
    }

    /// Returns the nanoseconds since it showed `start`.
    pub fn since(self, start: Duration) -> f64 {
        (self.now() - start).as_nanos() as f64
    }
}
