//! Memory of this process, and what the machine has left.

use stats_alloc::INSTRUMENTED_SYSTEM;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Returns resident memory, bytes (`/proc/self/statm`, proc(5)); `None` where the kernel does not
/// say.
pub fn resident() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

/// Returns this process's memory, each page divided by those that share it, bytes (`Pss_Anon` and
/// `Pss_Shmem` of `/proc/self/smaps_rollup`, proc(5)); `None` where the kernel does not say.
/// Without pages of files: of a program's text, a process has more when another one that ran it
/// ends, which made a plan's cost of an agent up to 1.8 times as large.
pub fn proportional() -> Option<u64> {
    of_process("self")
}

fn of_process(pid: &str) -> Option<u64> {
    let file = format!("/proc/{pid}/smaps_rollup");
    Some(kibibytes(&file, "Pss_Anon:")? + kibibytes(&file, "Pss_Shmem:")?)
}

/// Returns the memory that the kernel needs to map this process's, bytes (`VmPTE`, proc(5)); `None`
/// where the kernel does not say.
pub fn page_tables() -> Option<u64> {
    kibibytes("/proc/self/status", "VmPTE:")
}

fn kibibytes(file: &str, field: &str) -> Option<u64> {
    let text = std::fs::read_to_string(file).ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix(field))?;
    let kib: u64 = value.split_whitespace().next()?.parse().ok()?;
    Some(kib << 10)
}

/// A living child of this process.
#[derive(Debug, Clone, Copy)]
pub struct Child {
    /// Its memory, as [`proportional`].
    pub resident: u64,
    /// CPU that its living threads have used.
    pub cpu: Duration,
}

/// Returns the living children of this process's threads (`/proc/self/task/*/children`, proc(5)).
pub fn children() -> Vec<Child> {
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten();
    let lists = threads
        .filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("children")).ok());
    let pids: Vec<String> = lists
        .flat_map(|list| list.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    pids.iter().filter_map(|pid| child(pid)).collect()
}

fn child(pid: &str) -> Option<Child> {
    // Nanoseconds, where stat(5) has ticks of mostly 10 ms.
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).ok()?;
    let used = threads.filter_map(|thread| {
        let text = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    });
    Some(Child { resident: of_process(pid)?, cpu: Duration::from_nanos(used.sum()) })
}

/// Set if this program's allocator is stats_alloc's.
static COUNTS: AtomicBool = AtomicBool::new(false);

/// Says that this program's allocator is [`INSTRUMENTED_SYSTEM`].
pub fn allocator_counts() {
    COUNTS.store(true, Ordering::Relaxed);
}

/// Returns the bytes that have been allocated and not freed, exactly as they were asked for; `None`
/// in a program whose allocator does not count. What glibc tells (malloc_info(3)) has its own
/// rounding in it, which grows for minutes without any leak: 0.2 bytes per message in the first
/// 200,000.
pub fn heap() -> Option<u64> {
    let stats = COUNTS.load(Ordering::Relaxed).then(|| INSTRUMENTED_SYSTEM.stats())?;
    let live = stats.bytes_allocated.wrapping_sub(stats.bytes_deallocated);
    Some(live as u64)
}
