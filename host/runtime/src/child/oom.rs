//! The number of kills by the kernel's out-of-memory killer, where this process runs.

use crate::limits::groups;
use std::fs::File;
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

/// Opens the file that counts, the most particular one that there is.
fn open() -> Option<File> {
    let groups = groups("memory").into_iter();
    let files = groups.map(|group| group.file("memory.oom_control", "memory.events"));
    let files = files.chain([PathBuf::from("/proc/vmstat")]);
    let mut files = files.filter_map(|file| File::open(file).ok());
    files.find(|file| read(file).is_some())
}

/// Reads the number of kills. All of these files have the line `oom_kill N`.
fn read(file: &File) -> Option<u64> {
    let mut text = vec![0; 16 << 10];
    let mut length = 0;
    // A file of the kernel is handed out in pages.
    while let Ok(read @ 1..) = file.read_at(&mut text[length..], length as u64) {
        length += read;
    }
    let text = str::from_utf8(&text[..length]).ok()?;
    let count = text.lines().find_map(|line| line.strip_prefix("oom_kill "))?;
    count.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_tells() {
        assert!(kills().is_some());
    }
}
