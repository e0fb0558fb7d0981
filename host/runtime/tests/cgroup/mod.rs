//! A cgroup for tests in which memory is short.

use std::path::{Path, PathBuf};

/// A memory cgroup with a limit, of version 1 or 2, which is removed on drop.
pub struct Cgroup(PathBuf);

impl Cgroup {
    /// `None` where this user may not make one.
    pub fn new(limit: u64) -> Option<Self> {
        let roots = [
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            ("/sys/fs/cgroup", "memory.max"),
        ];
        roots.into_iter().find_map(|(root, file)| {
            let name = format!("sandlab-test-{}", std::process::id());
            let folder = Path::new(root).join(name);
            std::fs::create_dir(&folder).ok()?;
            let group = Self(folder);
            let options = std::fs::OpenOptions::new().write(true).clone();
            let mut limits = options.open(group.0.join(file)).ok()?;
            std::io::Write::write_all(&mut limits, limit.to_string().as_bytes()).ok()?;
            Some(group)
        })
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
