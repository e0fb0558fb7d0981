//! What changed from one run to another, judged on intervals.

use super::measures::Measure;
use crate::stats::Estimate;
use serde::Serialize;
use std::collections::BTreeMap;

/// A measure that both runs have.
#[derive(Debug, Clone, Serialize)]
pub struct Change {
    /// What, and how much in the current run.
    #[serde(flatten)]
    pub current: Measure,
    /// How much in the baseline.
    pub baseline: Estimate,
    /// The current by the baseline, less one; none where the baseline is nothing.
    pub relative: Option<f64>,
    /// What that means.
    pub verdict: Moved,
}

/// How a measure moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Moved {
    /// Its intervals are apart, and the current one is worse.
    Regressed,
    /// Its intervals are apart, and the current one is better.
    Improved,
    /// Its intervals overlap: what moved is no more than both vary by themselves.
    NotShown,
    /// Without two intervals there is nothing to judge by.
    NotJudged,
}

impl Moved {
    /// What a person reads.
    pub fn name(self) -> &'static str {
        match self {
            Self::Regressed => "regressed",
            Self::Improved => "improved",
            Self::NotShown => "within the intervals",
            Self::NotJudged => "no interval",
        }
    }
}

/// What both runs measured, in the order of the current one.
pub fn changes(baseline: &[Measure], current: &[Measure]) -> Vec<Change> {
    let mut before = BTreeMap::<&str, Vec<&Measure>>::new();
    for measure in baseline {
        before.entry(&measure.name).or_default().push(measure);
    }
    // What was measured more than once is compared in order.
    before.values_mut().for_each(|all| all.reverse());
    let changes = current.iter().filter_map(|current| {
        let baseline = before.get_mut(current.name.as_str())?.pop()?.value;
        Some(Change {
            relative: (baseline.value != 0.0).then(|| current.value.value / baseline.value - 1.0),
            verdict: moved(baseline, current),
            baseline,
            current: current.clone(),
        })
    });
    changes.collect()
}

fn moved(baseline: Estimate, current: &Measure) -> Moved {
    let now = current.value;
    let (Some(low), Some(high)) = (now.low, now.high) else {
        return Moved::NotJudged;
    };
    let (Some(low_before), Some(high_before)) = (baseline.low, baseline.high) else {
        return Moved::NotJudged;
    };
    match (low > high_before, high < low_before) {
        (false, false) => Moved::NotShown,
        (is_more, _) if is_more == current.higher_is_better => Moved::Improved,
        _ => Moved::Regressed,
    }
}

#[cfg(test)]
mod tests {
    use super::super::measures::{Topic, Unit};
    use super::*;

    #[test]
    fn only_intervals_that_are_apart_are_a_change() {
        let interval = |low: f64, high: f64| Estimate {
            value: low.midpoint(high),
            low: Some(low),
            high: Some(high),
        };
        let measure = |higher_is_better, value| Measure {
            topic: Topic::Latency,
            name: "p50".to_owned(),
            unit: Unit::Nanoseconds,
            higher_is_better,
            value,
        };
        let before = interval(10.0, 12.0);
        for (now, less, more) in [
            (interval(11.9, 30.0), Moved::NotShown, Moved::NotShown),
            (interval(12.1, 12.2), Moved::Regressed, Moved::Improved),
            (interval(9.0, 9.9), Moved::Improved, Moved::Regressed),
        ] {
            assert_eq!(moved(before, &measure(false, now)), less);
            assert_eq!(moved(before, &measure(true, now)), more);
        }
        let single = Estimate {
            low: None,
            high: None,
            ..before
        };
        assert_eq!(moved(single, &measure(false, before)), Moved::NotJudged);
    }
}
