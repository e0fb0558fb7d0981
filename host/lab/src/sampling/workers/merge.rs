//! Windows of several workers as those of one generator.
//!
//! Each worker numbers its windows by its own clock, from its own start on: those of one number are
//! merged, their histograms added. No time of one worker is compared with another's.

use crate::record::{Disturbance, Phase, Window};
use std::collections::VecDeque;

/// The windows of one load, until they are merged.
pub struct Merge {
    workers: Vec<Queue>,
    /// The phase of each planned window, and the messages that are due in it at each worker.
    planned: Vec<(Phase, u64)>,
    /// The number of the next merged window.
    next: usize,
    /// The end of the last merged window.
    clock_ns: u64,
    /// Replies to messages of other phases than that of their window.
    stragglers: Vec<Window>,
}

#[derive(Default)]
struct Queue {
    windows: VecDeque<Window>,
    state: State,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Runs,
    Ended,
    Died,
}

impl Merge {
    /// Begins a load whose windows begin at this time.
    pub fn new(workers: usize, planned: Vec<(Phase, u64)>, clock_ns: u64) -> Self {
        let workers = (0..workers).map(|_| Queue::default()).collect();
        Self { workers, planned, next: 0, clock_ns, stragglers: Vec::new() }
    }

    /// Adds a worker's next window.
    pub fn add(&mut self, worker: usize, window: Window) {
        match window.end_ns > window.start_ns {
            true => self.workers[worker].windows.push_back(window),
            false => self.stragglers.push(window),
        }
    }

    /// Notes that a worker has no more windows.
    pub fn ends(&mut self, worker: usize) {
        self.workers[worker].state = State::Ended;
    }

    /// Notes that a worker has died: what it would have been due to send is missing.
    pub fn dies(&mut self, worker: usize) {
        self.workers[worker].state = State::Died;
    }

    /// Returns whether nothing more can come.
    pub fn is_over(&self) -> bool {
        let is_over = |queue: &Queue| queue.state != State::Runs && queue.windows.is_empty();
        self.workers.iter().all(is_over)
    }

    /// Returns the next window, as soon as all workers that are left have theirs of this number.
    pub fn next(&mut self) -> Option<Window> {
        let waits = |queue: &Queue| queue.state == State::Runs && queue.windows.is_empty();
        if self.is_over() || self.workers.iter().any(waits) {
            return None;
        }
        let planned = self.planned.get(self.next).copied();
        let of = self.workers.len() as u32;
        let (mut died, mut merged) = (0, None::<Window>);
        for queue in &mut self.workers {
            match (queue.windows.pop_front(), &mut merged) {
                (Some(window), Some(merged)) => merged.join(&window),
                (Some(window), None) => merged = Some(window),
                (None, _) if queue.state == State::Died => died += 1,
                (None, _) => {}
            }
        }
        let mut merged = merged?;
        let length = merged.end_ns - merged.start_ns;
        (merged.start_ns, merged.end_ns) = (self.clock_ns, self.clock_ns + length);
        if let Some((_, due)) = planned.filter(|_| died > 0) {
            merged.due += due * u64::from(died);
            merged.invalid = Some(Disturbance::Workers { died, of });
        }
        self.clock_ns = merged.end_ns;
        self.next += 1;
        Some(merged)
    }

    /// Returns what is left when all is over, and the end of the last window.
    pub fn rest(self) -> (Vec<Window>, u64) {
        let at = self.clock_ns;
        let stragglers = self.stragglers.into_iter().map(|straggler| Window {
            start_ns: at,
            end_ns: at,
            ..straggler
        });
        (stragglers.collect(), at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn window(number: u64, good: u64, took_ns: u64) -> Window {
        let mut window = Window::new(Phase::Steady, number * SECOND);
        window.end_ns += SECOND;
        (window.due, window.sent, window.good) = (100, 100, good);
        (0..good).for_each(|_| window.latency.record(took_ns));
        window
    }

    fn merge(workers: usize) -> Merge {
        Merge::new(workers, vec![(Phase::Steady, 100); 3], 5 * SECOND)
    }

    #[test]
    fn windows_of_one_number_are_one_window_and_percentiles_are_of_all_messages() {
        let mut merge = merge(2);
        merge.add(0, window(0, 99, 1_000_000));
        assert!(merge.next().is_none(), "the other's is missing");
        merge.add(0, window(1, 99, 1_000_000));
        // The second worker's clock shows something else, and one message in three was slow.
        merge.add(1, window(70, 66, 1_000_000));
        merge.add(1, window(71, 33, 9_000_000));
        let first = merge.next().unwrap();
        assert_eq!((first.due, first.good, first.seconds()), (200, 165, 1.0));
        assert_eq!((first.start_ns, first.end_ns), (5 * SECOND, 6 * SECOND));
        let second = merge.next().unwrap();
        assert_eq!((second.start_ns, second.latency.count()), (6 * SECOND, 132));
        let p75 = second.latency.quantile(0.75).unwrap();
        assert!((1e6..1.01e6).contains(&p75), "{p75}: an average of both would be 5 ms");
        assert!(second.latency.quantile(0.76).unwrap() > 8e6);
        assert!(merge.next().is_none() && !merge.is_over());
    }

    #[test]
    fn the_share_of_a_worker_that_died_is_due_and_not_good_and_its_windows_do_not_count() {
        let mut merge = merge(2);
        (0..3).for_each(|number| merge.add(0, window(number, 100, 1_000_000)));
        merge.add(1, window(0, 100, 1_000_000));
        merge.ends(0);
        merge.dies(1);
        let windows: Vec<Window> = std::iter::from_fn(|| merge.next()).collect();
        let told: Vec<_> = windows.iter().map(|one| (one.due, one.good, one.invalid)).collect();
        let died = Some(Disturbance::Workers { died: 1, of: 2 });
        assert_eq!(told, [(200, 200, None), (200, 100, died), (200, 100, died)]);
        assert!(merge.is_over());
    }

    #[test]
    fn who_ends_earlier_is_not_waited_for_and_stragglers_come_last() {
        let mut merge = merge(2);
        merge.add(0, window(0, 1, 1));
        merge.add(1, window(0, 1, 1));
        let mut straggler = window(9, 1, 1);
        straggler.end_ns = straggler.start_ns;
        merge.add(1, straggler);
        merge.ends(0);
        merge.add(1, window(1, 1, 1));
        assert_eq!(std::iter::from_fn(|| merge.next()).count(), 2);
        merge.ends(1);
        let (stragglers, end) = merge.rest();
        assert_eq!((stragglers.len(), stragglers[0].start_ns, end), (1, 7 * SECOND, 7 * SECOND));
    }

    #[test]
    fn nothing_is_left_of_a_load_whose_workers_all_died() {
        let mut merge = merge(1);
        merge.dies(0);
        assert!(merge.next().is_none() && merge.is_over());
    }
}
