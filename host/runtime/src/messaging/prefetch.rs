//! Has the next message's content fetched into the cache, while the one before it is handled.

/// The most bytes that are fetched: all of a short message. The processor itself fetches ahead of
/// whoever reads a long one.
const MOST: usize = 2_048;

/// The size of a cache line, bytes.
const LINE: usize = 64;

/// Begins to fetch the content of a message that another core may have written.
pub fn prefetch(content: &[u8]) {
    for line in content[..content.len().min(MOST)].chunks(LINE) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a prefetch changes nothing that a program sees, and never faults.
        unsafe {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast());
        }
        // Elsewhere there is no such instruction on stable Rust.
        #[cfg(not(target_arch = "x86_64"))]
        let _ = line;
    }
}
