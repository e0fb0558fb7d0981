//! Memory and CPU time of this process.

use crate::snapshot::ProcessFigures;
use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// Returns the process's memory and CPU time.
pub fn figures() -> ProcessFigures {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    let cpu = u64::try_from(now.tv_sec).ok().zip(u32::try_from(now.tv_nsec).ok());
    ProcessFigures {
        resident_memory: resident_memory(),
        cpu: cpu.map(|(seconds, nanos)| Duration::new(seconds, nanos)),
        ..ProcessFigures::default()
    }
}

fn resident_memory() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

#[cfg(test)]
mod tests {
    #[test]
    fn this_process_has_used_something() {
        let figures = super::figures();
        assert!(figures.resident_memory.unwrap() > 1 << 20);
        assert!(!figures.cpu.unwrap().is_zero());
    }
}
