//! A cgroup for tests in which memory or CPU time is short.
#![allow(dead_code, reason = "each test file uses its share")]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Tests run beside each other.
static MADE: AtomicUsize = AtomicUsize::new(0);

/// A cgroup with a limit, of version 1 or 2, which is removed on drop.
pub struct Cgroup(PathBuf);

impl Cgroup {
    /// Whose memory is limited, bytes. `None` where this user may not make one.
    pub fn new(limit: u64) -> Option<Self> {
        let limit = limit.to_string();
        Self::of(&[
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", &limit),
            ("/sys/fs/cgroup", "memory.max", &limit),
        ])
    }

    /// Which may use half of a core. `None` where this user may not make one.
    pub fn half_a_core() -> Option<Self> {
        Self::of(&[
            ("/sys/fs/cgroup/cpu", "cpu.cfs_quota_us", "50000"),
            ("/sys/fs/cgroup", "cpu.max", "50000 100000"),
        ])
    }

    fn of(ways: &[(&str, &str, &str)]) -> Option<Self> {
        ways.iter().find_map(|(root, file, limit)| {
            let number = MADE.fetch_add(1, Ordering::Relaxed);
            let name = format!("sandlab-test-{}-{number}", std::process::id());
            let folder = Path::new(root).join(name);
            std::fs::create_dir(&folder).ok()?;
            let group = Self(folder);
            let options = std::fs::OpenOptions::new().write(true).clone();
            let mut limits = options.open(group.0.join(file)).ok()?;
            std::io::Write::write_all(&mut limits, limit.as_bytes()).ok()?;
            Some(group)
        })
    }

    /// Allows it another amount of memory, bytes.
    pub fn limit_memory(&self, limit: u64) {
        let files = ["memory.limit_in_bytes", "memory.max"].map(|file| self.0.join(file));
        let file = files.iter().find(|file| file.exists()).unwrap();
        std::fs::write(file, limit.to_string()).unwrap();
    }

    /// What a shell says to become a member, with all that it starts.
    pub fn join(&self) -> String {
        format!("echo $$ > {}/cgroup.procs", self.0.display())
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir(&self.0);
    }
}
