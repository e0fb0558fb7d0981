//! The processes that a command starts, as the kernel lists them.

use rustix::process::{Pid, Signal};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

/// The processes whose parent is this one: the fourth field of `/proc/PID/stat`, after a
/// name in parentheses.
pub fn children_of(parent: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let is_child = |pid: &u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let fields = stat.rsplit_once(") ").map(|(_, fields)| fields);
        let found = fields.and_then(|fields| fields.split(' ').nth(1)?.parse().ok());
        found == Some(parent)
    };
    pids.filter(is_child).collect()
}

/// Waits until none of these processes is there any more.
pub fn all_end(processes: &BTreeSet<u32>) {
    let started = Instant::now();
    while processes.iter().any(|pid| Path::new(&format!("/proc/{pid}")).exists()) {
        assert!(started.elapsed() < Duration::from_secs(20), "children live on");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Sends a signal.
pub fn send(process: &Child, signal: Signal) {
    let pid = Pid::from_child(process);
    rustix::process::kill_process(pid, signal).unwrap();
}
