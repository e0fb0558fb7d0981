//! A call that may be running, as the thread that makes it and the monitor share it.
//!
//! ```text
//!          arm            take               protect
//!   idle ───────▶ armed ────────▶ taken ───────────────▶ stopped
//!     ▲  ◀─────── release           (monitor)               │
//!     └──────────────────────────────────────────── unprotect
//! ```
//!
//! Only the monitor takes, and only the call's thread does all else. `release` and `take` change
//! the same word by compare-and-swap, so that one of them loses: either the call has ended and
//! its page is left alone, or the end of the call waits until the page has been made read-only,
//! and makes it writable again. So a page is always writable between two calls, whichever instance
//! or slot they are of.
//!
//! The word also numbers the call. What the monitor has seen of one can never be taken for the
//! next.

use rustix::mm::{MprotectFlags, mprotect};
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

/// The size of the interrupt page, bytes: a page of WebAssembly.
const SIZE: usize = 65_536;

/// The address of a store's interrupt page.
#[derive(Debug, Clone, Copy)]
pub struct Page(*mut c_void);

// SAFETY: it is only an address; whoever uses it has to know that there is a page.
unsafe impl Send for Page {}
// SAFETY: as for `Send`.
unsafe impl Sync for Page {}

impl Page {
    pub fn new(first: *const u8) -> Self {
        Self(first.cast_mut().cast())
    }
}

/// The states, in the two lowest bits of the word. The number of the call is above them.
const IDLE: u64 = 0;
const ARMED: u64 = 1;
const TAKEN: u64 = 2;
const STOPPED: u64 = 3;
const STATE: u64 = 3;

/// A call that may be running.
#[derive(Debug)]
pub struct Record {
    word: AtomicU64,
    page: AtomicPtr<c_void>,
    /// The time that the call may take, ns.
    limit: AtomicU64,
}

/// The last call of a record, as the monitor saw it.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    word: u64,
    /// The time that it may take.
    pub limit: Duration,
}

impl Seen {
    /// Returns whether nothing has changed between both.
    pub fn is(&self, other: &Self) -> bool {
        self.word == other.word
    }

    /// Returns whether the call was running, and not stopped.
    pub fn is_running(&self) -> bool {
        self.word & STATE == ARMED
    }
}

impl Record {
    pub fn new() -> Self {
        Self {
            word: AtomicU64::new(IDLE),
            page: AtomicPtr::new(ptr::null_mut()),
            limit: AtomicU64::new(0),
        }
    }

    /// Begins a call, of the thread that has the record. Runs in every call.
    ///
    /// # Safety
    /// The page is mapped, and nothing but guests uses it, until [`release`](Self::release).
    #[inline]
    pub unsafe fn arm(&self, page: Page, limit: Duration) {
        let word = self.word.load(Ordering::Relaxed);
        debug_assert_eq!(word & STATE, IDLE, "a record is of one call at a time");
        self.page.store(page.0, Ordering::Relaxed);
        let limit = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
        self.limit.store(limit, Ordering::Relaxed);
        self.word.store((word | STATE).wrapping_add(1) | ARMED, Ordering::Release);
    }

    /// Ends the call, if one has begun. Returns whether it had been stopped. Its page is writable
    /// then.
    #[inline]
    pub fn release(&self) -> bool {
        let word = self.word.load(Ordering::Relaxed);
        if word & STATE == IDLE {
            return false;
        }
        let idle = word & !STATE;
        let armed = idle | ARMED;
        let (success, failure) = (Ordering::Release, Ordering::Relaxed);
        if self.word.compare_exchange(armed, idle, success, failure).is_ok() {
            return false;
        }
        self.release_stopped(idle)
    }

    #[cold]
    fn release_stopped(&self, idle: u64) -> bool {
        loop {
            match self.word.load(Ordering::Acquire) & STATE {
                // The monitor could not protect the page, and gave the call back.
                ARMED => {
                    let (success, failure) = (Ordering::Release, Ordering::Relaxed);
                    let released = self.word.compare_exchange(idle | ARMED, idle, success, failure);
                    if released.is_ok() {
                        return false;
                    }
                }
                STOPPED => break,
                // Between the two, it is about to protect the page.
                _ => thread::yield_now(),
            }
        }
        // Only the kernel's lack of memory could refuse it, and then only for a moment.
        while !self.protect(MprotectFlags::READ | MprotectFlags::WRITE) {
            thread::sleep(Duration::from_millis(1));
        }
        self.word.store(idle, Ordering::Release);
        true
    }

    /// Returns what there is to see of the last call.
    pub fn look(&self) -> Seen {
        let word = self.word.load(Ordering::Acquire);
        // If the next call has begun meanwhile, the limit can be that one's. Then the call of
        // this word is over, and can no longer be stopped.
        let limit = Duration::from_nanos(self.limit.load(Ordering::Relaxed));
        Seen { word, limit }
    }

    /// Stops a call that was running, unless it has ended.
    pub fn stop(&self, call: &Seen) {
        debug_assert!(call.is_running(), "only a call that runs can be stopped");
        let taken = (call.word & !STATE) | TAKEN;
        let (success, failure) = (Ordering::Acquire, Ordering::Relaxed);
        if self.word.compare_exchange(call.word, taken, success, failure).is_err() {
            return;
        }
        let is_protected = self.protect(MprotectFlags::READ);
        // Where the kernel refuses, the next tick tries again.
        let word = if is_protected { taken & !STATE | STOPPED } else { call.word };
        self.word.store(word, Ordering::Release);
    }

    /// Protects all of the page, so that no mapping is split. Returns whether the kernel did it.
    fn protect(&self, access: MprotectFlags) -> bool {
        let page = self.page.load(Ordering::Relaxed);
        // SAFETY: whoever armed the call promised that the page is mapped until it is released,
        // and it is not before the state has changed: taken by the monitor, or stopped when the
        // call's thread comes here. Only guests use it, and a write that it refuses is a trap.
        unsafe { mprotect(page, SIZE, access) }.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};
    use std::fs;
    use std::sync::atomic::AtomicBool;

    /// A page, as a store would have.
    struct Mapped(*mut c_void);

    impl Mapped {
        fn new() -> Self {
            let access = ProtFlags::READ | ProtFlags::WRITE;
            // SAFETY: a new mapping, at an address that the kernel chooses.
            let mapped =
                unsafe { mmap_anonymous(ptr::null_mut(), SIZE, access, MapFlags::PRIVATE) };
            Self(mapped.unwrap())
        }

        fn page(&self) -> Page {
            Page::new(self.0.cast_const().cast())
        }

        fn is_writable(&self) -> bool {
            let maps = fs::read_to_string("/proc/self/maps").unwrap();
            let at = self.0 as usize;
            let line = maps.lines().find(|line| {
                let (range, _) = line.split_once(' ').unwrap();
                let (first, end) = range.split_once('-').unwrap();
                let parsed = |text| usize::from_str_radix(text, 16).unwrap();
                (parsed(first)..parsed(end)).contains(&at)
            });
            line.unwrap().split(' ').nth(1).unwrap().starts_with("rw")
        }
    }

    impl Drop for Mapped {
        fn drop(&mut self) {
            // SAFETY: it was mapped in `new`, and nothing uses it any more.
            unsafe { munmap(self.0, SIZE) }.unwrap();
        }
    }

    #[test]
    fn a_call_that_is_stopped_has_a_page_to_read_until_it_ends() {
        let mapped = Mapped::new();
        let record = Record::new();
        // SAFETY: the page is mapped until the end of the test.
        unsafe { record.arm(mapped.page(), Duration::from_secs(1)) };
        record.stop(&record.look());
        assert!(!mapped.is_writable());
        assert!(!record.look().is_running());
        assert!(record.release());
        assert!(mapped.is_writable());
        assert!(!record.release());
    }

    #[test]
    fn what_was_seen_of_a_call_does_not_stop_the_next() {
        let mapped = Mapped::new();
        let record = Record::new();
        // SAFETY: the page is mapped until the end of the test.
        unsafe { record.arm(mapped.page(), Duration::from_secs(1)) };
        let first = record.look();
        assert!(!record.release());
        record.stop(&first);
        assert!(mapped.is_writable());
        // SAFETY: as above.
        unsafe { record.arm(mapped.page(), Duration::from_secs(1)) };
        record.stop(&first);
        assert!(mapped.is_writable());
        assert!(record.look().is_running() && !record.look().is(&first));
        assert!(!record.release());
    }

    #[test]
    fn a_page_is_writable_after_every_call_whenever_it_is_stopped() {
        const CALLS: u32 = 20_000;
        let mapped = Mapped::new();
        let record = Record::new();
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let call = record.look();
                    if call.is_running() {
                        record.stop(&call);
                    }
                }
            });
            for number in 0..CALLS {
                // SAFETY: the page is mapped until the end of the test.
                unsafe { record.arm(mapped.page(), Duration::ZERO) };
                for _ in 0..number % 64 {
                    std::hint::spin_loop();
                }
                record.release();
                // SAFETY: no call is running, so that nobody protects the page.
                unsafe { mapped.0.cast::<u32>().write_volatile(number) };
            }
            done.store(true, Ordering::Relaxed);
        });
    }
}
