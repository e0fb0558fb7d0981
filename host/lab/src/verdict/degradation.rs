//! Whether a load that did not change was served worse in the end.

use crate::record::Phase;
use crate::record::Point;
use crate::stats::{Estimate, change_over_time};
use serde::Serialize;

/// How one figure changed, from the first third of the steady time to the last.
#[derive(Debug, Clone, Serialize)]
pub struct Degradation {
    /// Which figure.
    pub what: &'static str,
    /// The last third by the first.
    pub ratio: Estimate,
    /// Whether it is worse by more than 5 %, and surely worse at all.
    pub is_flagged: bool,
}

/// Above this it matters.
const MATTERS: f64 = 1.05;

/// Median and 99th percentile of latency, and CPU time a message. Empty where there are
/// too few intervals to say.
pub fn degradation(series: &[Point]) -> Vec<Degradation> {
    type Figure = fn(&Point) -> Option<f64>;
    let figures: [(&'static str, Figure); 3] = [
        ("latency p50", |point| point.p50),
        ("latency p99", |point| point.p99),
        ("CPU a message", |point| point.cpu),
    ];
    let steady = || series.iter().filter(|point| point.phase == Phase::Steady);
    let changes = figures.into_iter().filter_map(|(what, figure)| {
        let values: Vec<f64> = steady().filter_map(figure).collect();
        let ratio = change_over_time(&values)?;
        let is_sure = ratio.low.is_some_and(|low| low > 1.0);
        Some(Degradation {
            what,
            ratio,
            is_flagged: is_sure && ratio.value > MATTERS,
        })
    });
    changes.collect()
}
