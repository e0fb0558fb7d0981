//! The times since which series count, which OTLP has beside each cumulative value.

use super::resource::nanos;
use std::collections::HashMap;
use std::time::SystemTime;

/// The starts of all series of one host. A series that comes later began after the push before, and
/// so did one that counts less than then: its agent was removed and is back.
pub struct Starts {
    /// The time of the push before; at first that of the host's start. Nanoseconds from 1970.
    before: u64,
    /// The start and the count of each series, as of the push before.
    known: HashMap<String, (u64, f64)>,
    /// The same, as of this push.
    next: HashMap<String, (u64, f64)>,
}

impl Starts {
    /// Returns the starts of a host that has pushed nothing.
    pub fn new(started: SystemTime) -> Self {
        Self { before: nanos(started), known: HashMap::new(), next: HashMap::new() }
    }

    /// Returns the start of a series with this count, in nanoseconds from 1970.
    pub fn of(&mut self, series: String, count: f64) -> u64 {
        let known = self.known.get(&series).filter(|(_, before)| *before <= count);
        let start = known.map_or(self.before, |(start, _)| *start);
        self.next.insert(series, (start, count));
        start
    }

    /// Ends a push at this time, in nanoseconds from 1970.
    pub fn pushed(&mut self, now: u64) {
        self.known = std::mem::take(&mut self.next);
        self.before = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn a_series_that_comes_back_begins_anew() {
        let mut starts = Starts::new(UNIX_EPOCH + Duration::from_nanos(5));
        let mut push = |now: u64, series: &[(&str, f64)]| {
            let each = series.iter().map(|(name, count)| starts.of((*name).to_owned(), *count));
            let each: Vec<_> = each.collect();
            starts.pushed(now);
            each
        };
        assert_eq!(push(10, &[("a", 1.0)]), [5]);
        assert_eq!(push(20, &[("a", 1.0), ("b", 7.0)]), [5, 10]);
        assert_eq!(push(30, &[("a", 0.0), ("b", 9.0)]), [20, 10], "it counts less");
        assert_eq!(push(40, &[("a", 3.0)]), [20]);
        assert_eq!(push(50, &[("b", 9.0)]), [40], "it was gone");
    }
}
