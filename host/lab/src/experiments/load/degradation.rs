//! Compares the end of a load that did not change with its beginning.

use crate::metrics::{Quantity, shared};
use crate::record::{Phase, Point, RunPart};
use crate::stats::{Estimate, change_over_time};

/// The change of one figure from the first third of the steady time to the last.
#[derive(Debug, Clone)]
pub struct Degradation {
    /// The figure.
    pub of: &'static Quantity,
    /// The last third ÷ the first.
    pub ratio: Estimate,
    /// True if the interval lies above 1, so that it is surely worse, and the ratio above 1.05.
    pub is_flagged: bool,
}

/// Above this it matters.
const MATTERS: f64 = 1.05;

/// Returns how median and 99th percentile of latency, and CPU time per message changed over these
/// windows of a part, which are of one process; without those of which there are too few to say.
pub fn degradation(part: &RunPart, points: &[Point]) -> Vec<Degradation> {
    type Figure = fn(&Point) -> Option<f64>;
    let figures: [(&'static Quantity, Figure); 3] = [
        (&shared::LATENCY_P50, |point| point.p50),
        (&shared::LATENCY_P99, |point| point.p99),
        (&shared::CPU_PER_MESSAGE, |point| point.cpu),
    ];
    let changes = figures.into_iter().filter_map(|(of, figure)| {
        let values: Vec<f64> = part.samples_of(points, Phase::Steady).filter_map(figure).collect();
        let ratio = change_over_time(&values)?;
        let is_sure = ratio.low.is_some_and(|low| low > 1.0);
        Some(Degradation { of, ratio, is_flagged: is_sure && ratio.value > MATTERS })
    });
    changes.collect()
}
