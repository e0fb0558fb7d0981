//! Memory of this process, and what the machine has left.

use stats_alloc::INSTRUMENTED_SYSTEM;
use std::sync::atomic::{AtomicBool, Ordering};

/// What is resident, bytes (`/proc/self/statm`, proc(5)); none where the kernel does not say.
pub fn resident() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

/// What the kernel could still give, bytes (`MemAvailable` of `/proc/meminfo`, proc(5)); none
/// where it does not say.
pub fn available() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|l| l.strip_prefix("MemAvailable:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes * 1_024)
}

/// Whether this program's allocator is stats_alloc's.
static COUNTS: AtomicBool = AtomicBool::new(false);

/// Says that this program's allocator is [`INSTRUMENTED_SYSTEM`].
pub fn allocator_counts() {
    COUNTS.store(true, Ordering::Relaxed);
}

/// What has been allocated and not freed, bytes, exactly as it was asked for; none in a
/// program whose allocator does not count. What glibc tells (malloc_info(3)) has its own
/// rounding in it, which grows for minutes without any leak: 0.2 bytes a message in the
/// first 200,000.
pub fn heap() -> Option<u64> {
    let stats = COUNTS
        .load(Ordering::Relaxed)
        .then(|| INSTRUMENTED_SYSTEM.stats())?;
    let live = stats.bytes_allocated.wrapping_sub(stats.bytes_deallocated);
    Some(live as u64)
}
