//! The allocator of programs that host agents by the thousands.

mod cache;
mod record;

pub(crate) use record::{Allocation, recorded};

use cache::Cache;
use std::alloc::{GlobalAlloc, Layout, System};
use std::{cmp, ptr};

/// The system's allocator, with two additions for programs that host many agents. Each thread keeps
/// freed blocks for its next ones, deep enough for a batch of messages. And what the start of an
/// agent allocates is noted, so that what its next message will touch can be fetched into the
/// processor's cache ahead. Without it everything works, and messages to other threads and to many
/// agents in turn are slower (docs/loads.md).
///
/// ```
/// use sandlab_runtime::allocator::Allocator;
///
/// #[global_allocator]
/// static ALLOCATOR: Allocator = Allocator;
/// # fn main() {}
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Allocator;

// SAFETY: a block is the system's of at least the layout's size and alignment, and is either the
// caller's or, with nobody pointing to it, in a thread's cache. Nothing here panics.
unsafe impl GlobalAlloc for Allocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let address = match cache::class(layout) {
            Some(class) => Cache::take(class).unwrap_or_else(|| {
                // SAFETY: the class's layout is not empty.
                unsafe { System.alloc(class.layout()) }
            }),
            // SAFETY: the caller's.
            None => unsafe { System.alloc(layout) },
        };
        record::allocated(address, layout.size());
        address
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if cache::class(layout).is_some() {
            // SAFETY: the caller's; the block has at least the layout's size.
            return unsafe {
                let address = self.alloc(layout);
                if !address.is_null() {
                    ptr::write_bytes(address, 0, layout.size());
                }
                address
            };
        }
        // SAFETY: the caller's.
        let address = unsafe { System.alloc_zeroed(layout) };
        record::allocated(address, layout.size());
        address
    }

    #[inline]
    unsafe fn dealloc(&self, address: *mut u8, layout: Layout) {
        record::freed(address);
        match cache::class(layout) {
            // SAFETY: the block was made for this class, as its layout is the one that it was
            // allocated with, and the caller gives it up.
            Some(class) => unsafe {
                if !Cache::keep(class, address) {
                    System.dealloc(address, class.layout());
                }
            },
            // SAFETY: the caller's.
            None => unsafe { System.dealloc(address, layout) },
        }
    }

    #[inline]
    unsafe fn realloc(&self, address: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's: the size is not 0, and does not overflow with the alignment.
        let new_layout = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        match (cache::class(layout), cache::class(new_layout)) {
            (None, None) => {
                // SAFETY: the caller's.
                let moved = unsafe { System.realloc(address, layout, size) };
                if !moved.is_null() {
                    record::freed(address);
                    record::allocated(moved, size);
                }
                moved
            }
            (old, new) if old == new => {
                record::freed(address);
                record::allocated(address, size);
                address
            }
            // SAFETY: the caller's; both blocks have the bytes that are copied, and a new block lies
            // apart from one that is not freed.
            _ => unsafe {
                let moved = self.alloc(new_layout);
                if !moved.is_null() {
                    ptr::copy_nonoverlapping(address, moved, cmp::min(layout.size(), size));
                    self.dealloc(address, layout);
                }
                moved
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    /// A block with its layout, filled with a byte.
    struct Block(*mut u8, Layout, u8);

    // SAFETY: a block is passed on as a whole.
    unsafe impl Send for Block {}

    impl Block {
        fn new(size: usize, align: usize, fill: u8) -> Self {
            let layout = Layout::from_size_align(size, align).unwrap();
            // SAFETY: the layout is not empty.
            let address = unsafe { Allocator.alloc(layout) };
            assert!(!address.is_null() && address.addr().is_multiple_of(align));
            let mut block = Self(address, layout, fill);
            block.bytes().fill(fill);
            block
        }

        fn bytes(&mut self) -> &mut [u8] {
            // SAFETY: the block is whole, and was filled or zeroed.
            unsafe { std::slice::from_raw_parts_mut(self.0, self.1.size()) }
        }

        fn resize(mut self, size: usize) -> Self {
            let kept = self.1.size().min(size);
            // SAFETY: the block is the allocator's, with this layout.
            self.0 = unsafe { Allocator.realloc(self.0, self.1, size) };
            self.1 = Layout::from_size_align(size, self.1.align()).unwrap();
            let fill = self.2;
            // SAFETY: the block is whole, and so much of it was filled.
            let old = unsafe { std::slice::from_raw_parts(self.0, kept) };
            assert!(old.iter().all(|byte| *byte == fill));
            // SAFETY: as above, for all of it.
            unsafe { ptr::write_bytes(self.0, fill, size) };
            self
        }

        fn free(mut self) {
            let fill = self.2;
            assert!(self.bytes().iter().all(|byte| *byte == fill), "another has written to it");
            // SAFETY: the block is the allocator's, with this layout, and is not used any more.
            unsafe { Allocator.dealloc(self.0, self.1) };
        }
    }

    const SIZES: [usize; 12] =
        [1, 8, 24, 25, 64, 1_000, 1_024, 2_048, 2_056, 2_057, 5_000, 1 << 20];

    #[test]
    fn blocks_of_all_sizes_are_whole_and_apart_also_when_they_were_used_before() {
        for round in 0..3 {
            let sizes = SIZES.iter().cycle().take(2_000).enumerate();
            let blocks: Vec<_> = sizes
                .map(|(n, size)| Block::new((*size).min(10_000), 1 << (n % 5), n as u8))
                .collect();
            let (kept, freed): (Vec<_>, Vec<_>) =
                blocks.into_iter().enumerate().partition(|(n, _)| (n + round) % 3 == 0);
            freed.into_iter().for_each(|(_, block)| block.free());
            kept.into_iter().for_each(|(_, block)| block.free());
        }
    }

    #[test]
    fn a_block_keeps_its_content_when_it_grows_and_shrinks() {
        for from in SIZES {
            for to in SIZES {
                Block::new(from, 8, 7).resize(to).free();
            }
        }
    }

    #[test]
    fn a_zeroed_block_is_zero_also_if_it_was_used_before() {
        for size in SIZES {
            Block::new(size, 8, 0xff).free();
            let layout = Layout::from_size_align(size, 8).unwrap();
            // SAFETY: the layout is not empty.
            Block(unsafe { Allocator.alloc_zeroed(layout) }, layout, 0).free();
        }
    }

    #[test]
    fn blocks_are_freed_by_other_threads_and_by_threads_that_end() {
        for _ in 0..4 {
            let blocks: Vec<_> = (0..1_000).map(|n| Block::new(1_024, 8, n as u8)).collect();
            let freeing = move || blocks.into_iter().for_each(Block::free);
            thread::spawn(freeing).join().unwrap();
        }
    }
}
