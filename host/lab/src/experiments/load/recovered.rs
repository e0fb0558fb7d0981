//! Finds the moment from which on all is as it was before a burst.

use crate::record::{Phase, Point, RunPart};
use crate::stats::exceedances;

/// The course of a burst and of the recovery from it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Recovered {
    /// The moment from which on all was as before, if there was one.
    pub outcome: Outcome,
    /// From the burst's end until the backlog was as small as before, seconds; `None` if it was
    /// not while it was watched.
    pub drained: Option<f64>,
    /// The end of the burst, from the part's start on, seconds.
    pub burst_end: f64,
    /// The most messages that waited.
    pub peak_backlog: u64,
    /// Messages that came to nothing, in and after the burst.
    pub failed: u64,
    /// The 99th percentile that all but one in twenty windows before the burst kept to,
    /// nanoseconds.
    pub p99_before: f64,
}

/// The moment from which on all was as before the burst.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Outcome {
    /// From so many seconds after the burst's end on.
    After(f64),
    /// Not for 2 s in the seconds that it was watched.
    NotWithin(f64),
    /// All may have been as before, but what was before says nothing.
    NoisyBaseline,
}

/// For so long all has to stay as before, seconds.
const STAYS: f64 = 2.0;

/// With a higher 99th percentile before the burst, nanoseconds, being as before proves nothing:
/// it is the most that a rate which the agents bear may have (the target for latency), and an
/// agent answers in microseconds. One with 54 ms had "recovered" from anything at once.
pub const NOISY: f64 = 10e6;

/// The windows before the burst that may be out of the band, one in so many: a single stall of
/// the machine does not make it.
const OUTLIERS: usize = 20;

/// Looks for the earliest window after the burst that is within the band of the windows before
/// it, and at the start of 2 s in which nothing fails and no more windows exceed the band than
/// would by chance. Even with nothing changed, one of 20 windows exceeds all of 10 earlier ones
/// in two of three cases: a second of baseline had made bursts "not recovered" that nobody felt.
/// `None` without a baseline, or if the burst has not come.
pub fn recovered(part: &RunPart) -> Option<Recovered> {
    let baseline: Vec<&Point> = part.points(Phase::Baseline).collect();
    let p99_before = band(baseline.iter().filter_map(|point| point.p99))?;
    let backlog_before = band(baseline.iter().map(|point| point.backlog as f64))?;
    let burst_end = part.points(Phase::Burst).last()?.at;
    let after: Vec<&Point> = part.points(Phase::Recovery).collect();
    let watched = after.last().map_or(0.0, |last| last.at - burst_end);
    let is_drained = |point: &Point| point.backlog as f64 <= backlog_before;
    let is_quick = |point: &Point| point.p99.is_none_or(|p99| p99 <= p99_before);
    let stays = |from: usize| {
        let start = after[from].at - after[from].seconds;
        let within = after[from..].iter();
        let within: Vec<_> = within.take_while(|point| point.at <= start + STAYS + 1e-3).collect();
        let allowed = exceedances(baseline.len(), baseline.len() / OUTLIERS, within.len());
        let exceeding = |is_in: &dyn Fn(&Point) -> bool| {
            within.iter().filter(|point| !is_in(point)).count() <= allowed
        };
        start + STAYS <= burst_end + watched + 1e-3
            && is_drained(after[from])
            && is_quick(after[from])
            && within.iter().all(|point| point.failed == 0)
            && exceeding(&is_drained)
            && exceeding(&is_quick)
    };
    // To the microsecond: the ends of windows are seconds, which do not subtract exactly.
    let since = |point: &Point| {
        let seconds = point.at - point.seconds - burst_end;
        ((seconds * 1e6).round() / 1e6).max(0.0)
    };
    let first = (0..after.len()).find(|from| stays(*from));
    let drained = after.iter().find(|point| is_drained(point));
    let since_burst = || part.points(Phase::Burst).chain(part.points(Phase::Recovery));
    Some(Recovered {
        outcome: match first {
            // A band that is too wide was not kept to either.
            None => Outcome::NotWithin(watched),
            Some(_) if p99_before > NOISY => Outcome::NoisyBaseline,
            Some(index) => Outcome::After(since(after[index])),
        },
        drained: drained.map(|point| since(point)),
        burst_end,
        peak_backlog: since_burst().map(|point| point.peak_backlog).max().unwrap_or(0),
        failed: since_burst().map(|point| point.failed).sum(),
        p99_before,
    })
}

/// Returns what all but one in twenty values keep to.
fn band(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(|a, b| b.total_cmp(a));
    values.get(values.len() / OUTLIERS).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Part;

    fn window(phase: Phase, at: u32, p99: f64, backlog: u64) -> Point {
        Point {
            phase,
            at: f64::from(at) / 10.0,
            seconds: 0.1,
            due: 100,
            good: 100,
            failed: 0,
            backlog,
            peak_backlog: backlog,
            p50: Some(1.0),
            p99: Some(p99),
            cpu: None,
            resident: None,
            invalid: None,
        }
    }

    fn of(series: Vec<Point>) -> Option<Recovered> {
        let mut part = RunPart::new(Part::new("burst", "echo"));
        part.series = series;
        recovered(&part)
    }

    /// Returns the windows of a second before, a second of burst, and five seconds after, of which
    /// the first `slow` windows are slow.
    fn series(slow: u32) -> Vec<Point> {
        let before = (1..=10).map(|n| window(Phase::Baseline, n, 10.0 + f64::from(n), 3));
        let burst = (11..=20).map(|n| window(Phase::Burst, n, 500.0, 900));
        let after = (21..=70).map(|n| match n {
            n if n <= 20 + slow => window(Phase::Recovery, n, 100.0, 50),
            n => window(Phase::Recovery, n, 15.0, 2),
        });
        before.chain(burst).chain(after).collect()
    }

    fn seconds(series: Vec<Point>) -> f64 {
        match of(series).unwrap().outcome {
            Outcome::After(seconds) => (seconds * 10.0).round() / 10.0,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn it_is_over_when_two_seconds_are_as_before() {
        assert_eq!(seconds(series(7)), 0.7);
        assert_eq!(seconds(series(0)), 0.0);
        let found = of(series(7)).unwrap();
        assert!((found.drained.unwrap() - 0.7).abs() < 1e-6, "{found:?}");
        assert_eq!((found.peak_backlog, found.p99_before), (900, 20.0));
    }

    #[test]
    fn what_happens_by_chance_does_not_put_it_off_and_more_does() {
        let slow = |windows: usize| {
            let mut series = series(0);
            series[25..25 + windows].iter_mut().for_each(|window| window.p99 = Some(21.0));
            seconds(series)
        };
        assert_eq!((slow(1), slow(6), slow(7)), (0.0, 0.0, 1.2));
        let mut fails = series(0);
        fails[35].failed = 1;
        assert_eq!(seconds(fails), 1.6);
    }

    #[test]
    fn too_short_a_watch_finds_nothing() {
        let not_within = |series| matches!(of(series).unwrap().outcome, Outcome::NotWithin(_));
        assert!(not_within(series(31)) && not_within(series(0)[..39].to_vec()));
        assert!(not_within(series(0)[..15].to_vec()));
        assert_eq!(of(series(0)[10..].to_vec()), None);
    }

    #[test]
    fn a_noisy_baseline_proves_nothing() {
        let mut noisy = series(0);
        noisy[3].p99 = Some(54e6);
        assert_eq!(of(noisy.clone()).unwrap().outcome, Outcome::NoisyBaseline);
        // What is worse than even that is worse.
        noisy[20..].iter_mut().for_each(|window| window.p99 = Some(80e6));
        assert_eq!(of(noisy).unwrap().outcome, Outcome::NotWithin(5.0));
    }
}
