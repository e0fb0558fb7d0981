//! How often the kernel's out-of-memory killer has struck, where this process runs.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::OnceLock;

/// Returns how many processes of this process's memory cgroup the kernel has killed for want
/// of memory, or of the whole machine where the cgroup does not tell; `None` where neither does.
pub fn kills() -> Option<u64> {
    // Kept open: this is read at every child's start.
    static COUNTER: OnceLock<Option<File>> = OnceLock::new();
    read(COUNTER.get_or_init(open).as_ref()?)
}

fn open() -> Option<File> {
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let mut files = candidates(&own)
        .into_iter()
        .filter_map(|file| File::open(file).ok());
    files.find(|file| read(file).is_some())
}

/// The files that may count, the most particular first. In a container the path in
/// `/proc/self/cgroup` may be the host's, of which the container sees the end alone, at the
/// root of the mount.
fn candidates(own: &str) -> Vec<PathBuf> {
    let of = |controller: &str| {
        // `4:memory:/path` in version 1, `0::/path` in version 2 (cgroups(7)).
        own.lines().find_map(|line| {
            let mut fields = line.splitn(3, ':').skip(1);
            let found = fields.next()?.split(',').any(|name| name == controller);
            found.then(|| fields.next().unwrap_or("/").trim_start_matches('/'))
        })
    };
    let mut files = Vec::new();
    for (controller, root, file) in [
        ("", "/sys/fs/cgroup", "memory.events"),
        ("memory", "/sys/fs/cgroup/memory", "memory.oom_control"),
    ] {
        if let Some(path) = of(controller) {
            files.push(PathBuf::from(root).join(path).join(file));
            files.push(PathBuf::from(root).join(file));
        }
    }
    files.push(PathBuf::from("/proc/vmstat"));
    files
}

/// All of these files have the line `oom_kill N`.
fn read(file: &File) -> Option<u64> {
    let mut text = vec![0; 16 << 10];
    let mut length = 0;
    // A file of the kernel is handed out in pages.
    while let Ok(read @ 1..) = file.read_at(&mut text[length..], length as u64) {
        length += read;
    }
    let text = str::from_utf8(&text[..length]).ok()?;
    let count = text
        .lines()
        .find_map(|line| line.strip_prefix("oom_kill "))?;
    count.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_group_comes_first_and_the_machine_last() {
        let files = |own| -> Vec<String> {
            let files = candidates(own).into_iter();
            files.map(|file| file.display().to_string()).collect()
        };
        let machine = "/proc/vmstat";
        let unified = files("0::/user.slice/a.scope\n");
        let own = "/sys/fs/cgroup/user.slice/a.scope/memory.events";
        assert_eq!(unified, [own, "/sys/fs/cgroup/memory.events", machine]);
        let legacy = files("4:cpu,memory:/docker/1\n2:cpuset:/\n");
        let own = "/sys/fs/cgroup/memory/docker/1/memory.oom_control";
        let root = "/sys/fs/cgroup/memory/memory.oom_control";
        assert_eq!(legacy, [own, root, machine]);
        assert_eq!(files(""), [machine]);
    }

    #[test]
    fn this_machine_tells() {
        assert!(kills().is_some());
    }
}
