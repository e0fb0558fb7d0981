//! Which cache lines a call touches: found out by flushing one line after another, and seeing whether
//! the next call takes longer. To where a message's content is copied is found by the content itself: the
//! processor hides the wait for each single line of a copy, but not that for all of them.

use crate::allocator::Allocation;
use crate::prefetch::{LINE, line};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

/// Calls until the caches have what they touch.
const WARM_UP: u32 = 200;

/// Calls after which, at the latest, an agent with long ones is left alone, and the time after which
/// it is earlier.
const FEW: u32 = 10;
const PATIENCE: Duration = Duration::from_millis(10);

/// Calls that are timed per line, with it in the cache and without, in turns. Their lower quartiles
/// count, which other work on the core does not reach.
const REPEATS: usize = 16;

/// How often a line has to be found touched: once is often chance on a busy machine, which made 130 lines
/// of 60.
const CONFIRMED: usize = 3;

/// Calls longer than this gain too little from a few lines, of some 100 ns each.
const LONGEST_CALL: Duration = Duration::from_micros(20);

/// The additional time of a call from which a line counts as touched. A line from memory takes some
/// 100 ns, of which the processor hides a part.
const MISSED: Duration = Duration::from_nanos(30);

/// The most lines that are fetched: more would push each other out of the first cache.
const MOST_LINES: usize = 192;

/// The time after which no further line is looked at.
const BUDGET: Duration = Duration::from_secs(2);

/// Larger allocations are buffers, of which a call touches other parts each time.
const LARGEST: usize = 64 << 10;

const PAGE: usize = 4_096;

/// The lines that calls of a program's instances touch, wherever an instance lies.
#[derive(Debug)]
pub struct Touched {
    /// The allocations that have such lines.
    parts: Vec<Part>,
    /// Lines of the host: which part, and how far behind its begin, bytes.
    lines: Vec<(u16, u16)>,
    guest: Option<GuestLines>,
}

/// An allocation of a start, by what it has in common with those of other starts: it is the n-th
/// one of its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Part {
    size: usize,
    nth: usize,
}

/// Lines of the linear memory.
#[derive(Debug)]
struct GuestLines {
    process: OwnMemory,
    /// Where the memory's address stands.
    part: Part,
    offset: usize,
    /// How far behind the memory's begin, bytes.
    lines: Vec<u32>,
}

/// The addresses of one instance's parts, in the order of [`Touched`]'s.
#[derive(Debug)]
pub struct Places {
    /// The addresses of the parts.
    parts: Box<[usize]>,
    /// The linear memory's; 0 if it is not known.
    memory: usize,
}

impl Touched {
    /// Finds out what calls of an instance touch. `memory` is the size of its linear memories, and
    /// `call` makes a call with this content and returns whether it succeeded. `None` if calls fail,
    /// or are too long to gain from it.
    pub fn learn(
        allocations: &[Allocation],
        memory: u64,
        content: &[u8],
        call: &mut dyn FnMut() -> bool,
    ) -> Option<Self> {
        let mut timer = Timer::warm_up(call)?;
        let end = Instant::now() + BUDGET;
        let mut touched = Self { parts: Vec::new(), lines: Vec::new(), guest: None };
        for (index, allocation) in allocations.iter().enumerate() {
            let end_of_it = allocation.address + allocation.size;
            let mut at = allocation.address & !(LINE - 1);
            while at < end_of_it && allocation.size < LARGEST && Instant::now() < end {
                let first = at.max(allocation.address);
                // SAFETY: the allocation lives as long as the instance, which `call` borrows.
                if unsafe { timer.misses(first)? } {
                    let part = touched.part(Part::of(allocations, index));
                    touched.lines.push((part, (first - allocation.address) as u16));
                }
                at += LINE;
            }
        }
        touched.guest = guest_lines(allocations, memory, content, &mut timer, end);
        touched.lines.truncate(MOST_LINES);
        (touched.count() > 0).then_some(touched)
    }

    /// Returns the number of a part.
    fn part(&mut self, part: Part) -> u16 {
        let known = self.parts.iter().position(|known| *known == part);
        known.unwrap_or_else(|| {
            self.parts.push(part);
            self.parts.len() - 1
        }) as u16
    }

    /// Returns the number of lines.
    pub fn count(&self) -> usize {
        self.lines.len() + self.guest.as_ref().map_or(0, |guest| guest.lines.len())
    }

    /// Returns where an instance lies. `None` if its start allocated something else than others.
    pub fn places(&self, allocations: &[Allocation]) -> Option<Places> {
        let parts: Option<_> = self.parts.iter().map(|part| part.find(allocations)).collect();
        let memory = self.guest.as_ref().and_then(|guest| {
            let at = guest.part.find(allocations)? + guest.offset;
            let bytes = guest.process.read(at, size_of::<usize>())?;
            Some(word(&bytes)).filter(|memory| memory.is_multiple_of(PAGE))
        });
        Some(Places { parts: parts?, memory: memory.unwrap_or(0) })
    }

    /// Begins to fetch the lines of an instance.
    #[inline]
    pub fn fetch(&self, places: &Places) {
        for (part, offset) in &self.lines {
            line(places.parts[usize::from(*part)] + usize::from(*offset));
        }
        if let Some(guest) = &self.guest
            && places.memory != 0
        {
            guest.lines.iter().for_each(|offset| line(places.memory + *offset as usize));
        }
    }
}

impl Part {
    fn of(allocations: &[Allocation], index: usize) -> Self {
        let size = allocations[index].size;
        let before = allocations[..index].iter().filter(|one| one.size == size);
        Self { size, nth: before.count() }
    }

    /// Returns the address of the same part of another instance.
    fn find(self, allocations: &[Allocation]) -> Option<usize> {
        let mut same = allocations.iter().filter(|one| one.size == self.size);
        same.nth(self.nth).map(|one| one.address)
    }
}

/// Finds the linear memory by what wasmtime has of it: its address, followed by its length. `None`
/// if there is no such place, as for components with several memories.
fn guest_lines(
    allocations: &[Allocation],
    memory: u64,
    content: &[u8],
    timer: &mut Timer,
    end: Instant,
) -> Option<GuestLines> {
    let process = OwnMemory::open()?;
    let (index, offset, base) = allocations.iter().enumerate().find_map(|(index, one)| {
        let words = process.read(one.address, one.size.min(LARGEST))?;
        let words: Vec<_> = words.chunks_exact(size_of::<usize>()).map(word).collect();
        // The limiter has the length more than once, which looks like an address, too.
        let is_memory = |pair: &[usize]| {
            pair[1] as u64 == memory
                && pair[0].is_multiple_of(PAGE)
                && process.read(pair[0], PAGE).is_some()
        };
        let at = words.windows(2).position(is_memory)?;
        Some((index, at * size_of::<usize>(), words[at]))
    })?;
    let mut lines = Vec::new();
    for page in (0..memory as usize).step_by(PAGE) {
        let bytes = process.read(base + page, PAGE)?;
        // What has never been written to is not touched.
        if bytes.iter().all(|byte| *byte == 0) {
            continue;
        }
        for (line, held) in (page..).step_by(LINE).zip(bytes.chunks_exact(LINE)) {
            if lines.len() == MOST_LINES || Instant::now() >= end {
                break;
            }
            // SAFETY: the page was read, and a memory never becomes smaller.
            if is_part(held, content) || unsafe { timer.misses(base + line)? } {
                lines.push(line as u32);
            }
        }
    }
    Some(GuestLines { process, part: Part::of(allocations, index), offset, lines })
}

/// Returns whether a line holds a part of the content.
fn is_part(line: &[u8], content: &[u8]) -> bool {
    line.iter().any(|byte| *byte != 0) && content.windows(LINE).any(|part| part == line)
}

/// This process's own memory as a file: to read what is not mapped is an error, and no fault.
#[derive(Debug)]
struct OwnMemory(File);

impl OwnMemory {
    fn open() -> Option<Self> {
        File::open("/proc/self/mem").ok().map(Self)
    }

    fn read(&self, address: usize, length: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.0.read_exact_at(&mut bytes, address as u64).ok()?;
        Some(bytes)
    }
}

fn word(bytes: &[u8]) -> usize {
    let mut word = [0; size_of::<usize>()];
    word.copy_from_slice(bytes);
    usize::from_ne_bytes(word)
}

/// Times calls.
struct Timer<'c> {
    call: &'c mut dyn FnMut() -> bool,
    /// Memory that no call touches; the line at its middle is all its own.
    unused: Box<[u8; 2 * LINE]>,
}

impl<'c> Timer<'c> {
    /// Returns `None` if a call fails, or takes too long.
    fn warm_up(call: &'c mut dyn FnMut() -> bool) -> Option<Self> {
        let (begin, mut fastest) = (Instant::now(), Duration::MAX);
        for number in 1..=WARM_UP {
            let call_begin = Instant::now();
            call().then_some(())?;
            fastest = fastest.min(call_begin.elapsed());
            let was_tried = number == FEW || begin.elapsed() > PATIENCE;
            if was_tried && fastest > LONGEST_CALL {
                return None;
            }
        }
        Some(Self { call, unused: Box::new([0; 2 * LINE]) })
    }

    /// Returns whether a call takes longer if a line is not in the cache. `None` if a call fails.
    ///
    /// # Safety
    /// The address is mapped.
    unsafe fn misses(&mut self, address: usize) -> Option<bool> {
        for _ in 0..CONFIRMED {
            let unused = self.unused.as_ptr().addr() + LINE;
            let (mut with, mut without) = ([Duration::ZERO; REPEATS], [Duration::ZERO; REPEATS]);
            for (with, without) in with.iter_mut().zip(&mut without) {
                // SAFETY: it is the timer's own.
                *with = unsafe { self.time_without(unused)? };
                // SAFETY: the caller's.
                *without = unsafe { self.time_without(address)? };
            }
            with.sort_unstable();
            without.sort_unstable();
            if without[REPEATS / 4] < with[REPEATS / 4] + MISSED {
                return Some(false);
            }
        }
        Some(true)
    }

    /// Returns the time of a call after one that left all lines in the cache but this.
    ///
    /// # Safety
    /// The address is mapped.
    unsafe fn time_without(&mut self, address: usize) -> Option<Duration> {
        (self.call)().then_some(())?;
        // SAFETY: the caller's.
        unsafe { flush(address) };
        let begin = Instant::now();
        (self.call)().then_some(())?;
        Some(begin.elapsed())
    }
}

/// Removes a line from all caches.
///
/// # Safety
/// The address is mapped.
unsafe fn flush(address: usize) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the address is mapped, so that this does not fault; memory stays as it is.
    unsafe {
        use std::arch::x86_64::{_mm_clflush, _mm_mfence};
        _mm_clflush(std::ptr::without_provenance(address));
        _mm_mfence();
    }
    // Nothing is missed then, and nothing fetched ahead.
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allocations(list: &[(usize, usize)]) -> Vec<Allocation> {
        list.iter().map(|&(address, size)| Allocation { address, size }).collect()
    }

    #[test]
    fn a_part_is_found_again_as_the_nth_of_its_size() {
        let learnt = allocations(&[(1_000, 32), (2_000, 64), (3_000, 32), (4_000, 64)]);
        let part = Part::of(&learnt, 3);
        assert_eq!(part, Part { size: 64, nth: 1 });
        assert_eq!(part.find(&learnt), Some(4_000));
        // Another start needed something more in between.
        let other = allocations(&[(10, 64), (20, 128), (30, 16), (40, 64)]);
        assert_eq!(part.find(&other), Some(40));
        assert_eq!(part.find(&other[..3]), None);
    }

    #[test]
    fn a_line_with_a_part_of_the_content_is_one_of_its_copy() {
        let content: Vec<u8> = (0..=255).cycle().take(1_000).collect();
        assert!(is_part(&content[13..13 + LINE], &content));
        assert!(!is_part(&[1; LINE], &content) && !is_part(&content[..LINE], &content[..LINE - 1]));
        assert!(!is_part(&[0; LINE], &[0; 1_000]), "all memory begins as zeros");
    }

    #[test]
    fn what_is_not_mapped_cannot_be_read() {
        let (memory, bytes) = (OwnMemory::open().unwrap(), [1, 2, 3]);
        assert_eq!(memory.read(bytes.as_ptr().addr(), 3), Some(bytes.to_vec()));
        assert_eq!(memory.read(PAGE, 8), None);
    }

    #[test]
    fn calls_that_fail_or_take_long_are_not_looked_into() {
        assert!(Touched::learn(&[], 0, &[], &mut || false).is_none());
        let mut calls = 0;
        let mut slow = || {
            std::thread::sleep(2 * LONGEST_CALL);
            calls += 1;
            true
        };
        assert!(Touched::learn(&[], 0, &[], &mut slow).is_none());
        assert!(calls <= FEW, "{calls}");
    }
}
