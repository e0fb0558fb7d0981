//! What the start of an agent has allocated and not freed: the host's side of its instance.

use std::cell::Cell;
use std::ptr;

/// A part of the host's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allocation {
    pub address: usize,
    /// Bytes.
    pub size: usize,
}

/// Allocations that a record has room for. A start of a component with four core instances makes
/// some 200, of which some 70 stay.
const MOST: usize = 1_024;

/// The allocations of the running start that are not freed.
struct Record {
    /// Has its full capacity from the beginning: to grow would be to allocate.
    live: Vec<Allocation>,
    is_whole: bool,
}

thread_local! {
    /// The record of the start that runs on this thread; null if none does.
    static RECORD: Cell<*mut Record> = const { Cell::new(ptr::null_mut()) };
}

/// Returns the result, and what this thread allocated for it and did not free, in order. Nothing if
/// the program has another allocator, or it was too much.
pub fn recorded<R>(start: impl FnOnce() -> R) -> (R, Vec<Allocation>) {
    struct End;
    impl Drop for End {
        fn drop(&mut self) {
            RECORD.set(ptr::null_mut());
        }
    }
    let mut record = Record { live: Vec::with_capacity(MOST), is_whole: true };
    RECORD.set(&raw mut record);
    let end = End;
    let result = start();
    drop(end);
    (result, if record.is_whole { record.live } else { Vec::new() })
}

impl Record {
    fn add(&mut self, address: *mut u8, size: usize) {
        if self.live.len() == self.live.capacity() {
            self.is_whole = false;
        } else if !address.is_null() {
            self.live.push(Allocation { address: address.addr(), size });
        }
    }

    fn remove(&mut self, address: *mut u8) {
        // What is freed soon stands near the end.
        let place = self.live.iter().rposition(|one| one.address == address.addr());
        if let Some(place) = place {
            self.live.remove(place);
        }
    }
}

#[inline]
fn note(what: impl FnOnce(&mut Record)) {
    let record = RECORD.get();
    if !record.is_null() {
        // SAFETY: it points to a record that `recorded` has on this thread's stack, and reaches by
        // no other way while the pointer is set. `what` allocates nothing, so that this cannot
        // be entered twice.
        what(unsafe { &mut *record });
    }
}

/// Notes a block that this thread has allocated.
#[inline]
pub fn allocated(address: *mut u8, size: usize) {
    note(|record| record.add(address, size));
}

/// Notes that this thread frees a block.
#[inline]
pub fn freed(address: *mut u8) {
    note(|record| record.remove(address));
}
