//! Prefetching: the processor begins to bring memory into its cache that will be used soon.

/// The size of a cache line, bytes.
pub const LINE: usize = 64;

/// The most bytes that are fetched of a message's content: all of a short one. The processor itself
/// fetches ahead of whoever reads a long one.
const MOST: usize = 2_048;

/// Begins to fetch the line that an address lies in, which need not be mapped.
#[inline]
pub fn line(address: usize) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch changes nothing that a program sees, and never faults.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(std::ptr::without_provenance(address));
    }
    // Elsewhere there is no such instruction on stable Rust.
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

/// Begins to fetch a value, without what it points to.
#[inline]
pub fn value<T: ?Sized>(value: &T) {
    lines(std::ptr::from_ref(value).addr(), size_of_val(value));
}

/// Begins to fetch the content of a message that another core may have written.
#[inline]
pub fn content(content: &[u8]) {
    lines(content.as_ptr().addr(), content.len().min(MOST));
}

#[inline]
fn lines(first: usize, length: usize) {
    let mut at = first & !(LINE - 1);
    while at < first + length {
        line(at);
        at += LINE;
    }
}
