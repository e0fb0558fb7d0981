//! CPU time.

use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// Returns the CPU time of all threads of this process, including those that have ended.
pub fn process_cpu() -> Duration {
    now(ClockId::ProcessCPUTime)
}

/// Returns the CPU time of the calling thread.
pub fn thread_cpu() -> Duration {
    now(ClockId::ThreadCPUTime)
}

fn now(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    // A CPU clock starts at zero, and its nanoseconds are below a second.
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
