//! When all is as it was before a burst.

use crate::record::Phase;
use crate::record::Point;
use serde::Serialize;

/// How a burst was borne.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Recovered {
    /// From the burst's end to the first window of 2 s in which all was as before, seconds;
    /// none if there was no such time while it was watched.
    pub after: Option<f64>,
    /// From the burst's end until the backlog was as small as before, seconds.
    pub drained: Option<f64>,
    /// How long it was watched after the burst, seconds.
    pub watched: f64,
    /// The most messages that waited.
    pub peak_backlog: u64,
    /// Messages that came to nothing, in and after the burst.
    pub failed: u64,
    /// The band: the highest 99th percentile of a window before, nanoseconds.
    pub p99_before: f64,
    /// The band: the largest backlog of a window before.
    pub backlog_before: u64,
}

/// For so long all has to stay as before, seconds.
const STAYS: f64 = 2.0;

/// Looks for the earliest time after the burst from which on every window for 2 s has its
/// 99th percentile and its backlog within what the windows before the burst had, and no
/// failure. None without a baseline, or if the burst has not come.
pub fn recovered(series: &[Point]) -> Option<Recovered> {
    let of = |phase| series.iter().filter(move |point| point.phase == phase);
    let p99_before = of(Phase::Baseline)
        .filter_map(|point| point.p99)
        .max_by(f64::total_cmp)?;
    let backlog_before = of(Phase::Baseline).map(|point| point.backlog).max()?;
    let burst_end = of(Phase::Burst).next_back()?.at;
    let after: Vec<&Point> = of(Phase::Recovery).collect();
    let is_drained = |point: &Point| point.backlog <= backlog_before;
    let is_as_before = |point: &Point| {
        is_drained(point) && point.failed == 0 && point.p99.is_none_or(|p99| p99 <= p99_before)
    };
    let watched = after.last().map_or(0.0, |last| last.at - burst_end);
    let stays = |from: usize| {
        let start = after[from].at - after[from].seconds;
        let mut within = after[from..]
            .iter()
            .take_while(|point| point.at <= start + STAYS + 1e-3);
        start + STAYS <= burst_end + watched + 1e-3 && within.all(|point| is_as_before(point))
    };
    let first = (0..after.len()).find(|from| stays(*from));
    let since = |point: &Point| (point.at - point.seconds - burst_end).max(0.0);
    let in_burst = || of(Phase::Burst).chain(of(Phase::Recovery));
    Some(Recovered {
        after: first.map(|index| since(after[index])),
        drained: after
            .iter()
            .find(|point| is_drained(point))
            .map(|p| since(p)),
        watched,
        peak_backlog: in_burst()
            .map(|point| point.peak_backlog)
            .max()
            .unwrap_or(0),
        failed: in_burst().map(|point| point.failed).sum(),
        p99_before,
        backlog_before,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

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
        }
    }

    /// A second before, a second of burst, and five after, slow for as many windows.
    fn series(slow: u32) -> Vec<Point> {
        let before = (1..=10).map(|n| window(Phase::Baseline, n, 10.0 + f64::from(n), 3));
        let burst = (11..=20).map(|n| window(Phase::Burst, n, 500.0, 900));
        let after = (21..=70).map(|n| match n {
            n if n <= 20 + slow => window(Phase::Recovery, n, 100.0, 50),
            n => window(Phase::Recovery, n, 15.0, 2),
        });
        before.chain(burst).chain(after).collect()
    }

    #[test]
    fn it_is_over_when_two_seconds_are_as_before() {
        let found = recovered(&series(7)).unwrap();
        assert!((found.after.unwrap() - 0.7).abs() < 1e-6, "{found:?}");
        assert!((found.drained.unwrap() - 0.7).abs() < 1e-6, "{found:?}");
        assert_eq!((found.peak_backlog, found.p99_before), (900, 20.0));
    }

    #[test]
    fn a_later_stall_puts_it_off_and_too_short_a_watch_finds_nothing() {
        let mut stalls = series(0);
        stalls[35].p99 = Some(21.0);
        let found = recovered(&stalls).unwrap();
        assert!((found.after.unwrap() - 1.6).abs() < 1e-6, "{found:?}");
        assert_eq!(recovered(&series(31)).unwrap().after, None);
        assert_eq!(recovered(&series(0)[..15]).unwrap().after, None);
        assert_eq!(recovered(&series(0)[10..]), None);
    }
}
