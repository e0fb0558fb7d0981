//! A history of counts over windows that end now, in bounded memory.

use super::Count;
use std::collections::VecDeque;
use std::time::Duration;

/// The points that are kept of each window, besides the one that is older than it.
const POINTS: u32 = 60;

/// Counts at moments of the past, as finely as each window needs: a window ends now, and begins
/// at most a sixtieth of its length too early.
#[derive(Debug, Clone)]
pub(super) struct History {
    rings: Vec<Ring>,
    last: Option<Point>,
}

#[derive(Debug, Clone, Copy)]
struct Point {
    at: Duration,
    /// Messages since the beginning.
    count: Count,
}

#[derive(Debug, Clone)]
struct Ring {
    window: Duration,
    points: VecDeque<Point>,
}

impl History {
    /// Creates one that answers for these windows.
    pub(super) fn new(windows: impl IntoIterator<Item = Duration>) -> Self {
        let mut windows: Vec<_> = windows.into_iter().collect();
        windows.sort_unstable();
        windows.dedup();
        let ring = |window| Ring { window, points: VecDeque::new() };
        Self { rings: windows.into_iter().map(ring).collect(), last: None }
    }

    /// Returns the time of the last count; `None` before the first.
    pub(super) fn last(&self) -> Option<Duration> {
        self.last.map(|point| point.at)
    }

    /// Adds the total counts at this time, which must not be earlier than the last.
    pub(super) fn push(&mut self, at: Duration, count: Count) {
        let point = Point { at, count };
        self.last = Some(point);
        self.rings.iter_mut().for_each(|ring| ring.push(point));
    }

    /// Returns the counts within a window that ends with the last ones, or since the first ones if
    /// they are later than its beginning. A gap in the counts at its beginning belongs to it.
    pub(super) fn within(&self, window: Duration) -> Count {
        let ring = self.rings.iter().find(|ring| ring.window == window);
        let first = ring.and_then(|ring| ring.points.front());
        match (self.last, first) {
            (Some(last), Some(first)) => last.count.since(first.count),
            _ => Count::default(),
        }
    }

    #[cfg(test)]
    pub(super) fn points(&self) -> usize {
        self.rings.iter().map(|ring| ring.points.len()).sum()
    }
}

impl Ring {
    fn push(&mut self, point: Point) {
        let is_due = |last: &Point| point.at >= last.at + self.window / POINTS;
        if self.points.back().is_none_or(is_due) {
            self.points.push_back(point);
        }
        let begin = point.at.saturating_sub(self.window);
        // The first stays the newest of those that are no younger than the window.
        while self.points.get(1).is_some_and(|second| second.at <= begin) {
            self.points.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_window_has_what_came_within_it_and_no_point_is_kept_beyond_it(
            steps in prop::collection::vec((1_u64..400, 0_u64..1_000, 0_u64..1_000), 1..300),
            window in 60_u64..5_000,
        ) {
            let window = Duration::from_secs(window);
            let mut history = History::new([window, window * 7]);
            let (mut at, mut count) = (Duration::ZERO, Count::default());
            let mut all = Vec::new();
            for (seconds, good, bad) in steps {
                at += Duration::from_secs(seconds);
                count = Count { all: count.all + good + bad, bad: count.bad + bad };
                history.push(at, count);
                all.push((at, count));
                let got = history.within(window);
                let before = |time: Duration| {
                    let found = all.iter().rev().find(|(then, _)| *then <= time);
                    *found.or(all.first()).expect("one was pushed")
                };
                // No less than since the last count before the window, and no more than since one
                // that is older than that by the resolution.
                let (begin, first) = before(at.saturating_sub(window));
                let (_, older) = before(begin.saturating_sub(window / POINTS));
                let (least, most) = (count.since(first), count.since(older));
                prop_assert!(got.all >= least.all && got.bad >= least.bad, "{got:?} {least:?}");
                prop_assert!(got.all <= most.all && got.bad <= most.bad, "{got:?} {most:?}");
                prop_assert!(history.points() <= 2 * (POINTS as usize + 2));
            }
        }
    }
}
