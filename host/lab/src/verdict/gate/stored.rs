//! A run against a stored one: a relative threshold and a direction for each metric, on
//! intervals. The two were measured at different times, so nothing can be paired, and what the
//! machine did meanwhile is in the difference: hence the wider threshold.

use super::{Judged, Policy, Verdict};
use crate::experiments::record::Finding;
use crate::record::Phase;
use crate::record::{Measurement, Results};
use crate::sampling::pairs::{Better, Metric};
use crate::stats::{Estimate, median_interval};
use std::collections::BTreeMap;

/// The relative change that is allowed where a policy says nothing else.
pub const THRESHOLD: f64 = 0.1;

/// Judges each metric that both runs have; names those that only one has.
pub fn compare(old: &Results, new: &Results, policy: &Policy) -> (Vec<Judged>, Vec<String>) {
    let (old, mut new) = (metrics(old), metrics(new));
    let (mut judged, mut notes) = (Vec::new(), Vec::new());
    for (name, (metric, before)) in old {
        match new.remove(&name) {
            Some((_, after)) => judged.extend(judge(metric, &before, &after, policy)),
            None => notes.push(format!("only the baseline has {name}")),
        }
    }
    notes.extend(
        new.into_keys()
            .map(|name| format!("only the new run has {name}")),
    );
    (judged, notes)
}

/// From both intervals of the median: the ratio lies between that of their ends, at no less
/// than the confidence that each has, squared.
fn judge(metric: Metric, old: &[f64], new: &[f64], policy: &Policy) -> Option<Judged> {
    let terms = policy.terms(&metric.name);
    let (before, after) = (median_interval(old)?, median_interval(new)?);
    let share = |new: f64, old: f64| new / old - 1.0;
    let ends = |new: Option<f64>, old: Option<f64>| Some(share(new?, old?));
    let change = Estimate {
        value: share(after.value, before.value),
        low: ends(after.low, before.high),
        high: ends(after.high, before.low),
    };
    let bounds = [1.0 - terms.threshold, 1.0 + terms.threshold].map(|bound| bound - 1.0);
    let (verdict, remark) = match (change.low, change.high) {
        (Some(low), Some(high)) => {
            let above = low > bounds[1];
            let below = high < bounds[0];
            let worse = match metric.better {
                Better::Lower => above,
                Better::Higher => below,
            };
            let verdict = if worse {
                Verdict::Regressed
            } else if above || below {
                Verdict::Improved
            } else if low >= bounds[0] && high <= bounds[1] {
                Verdict::Equivalent
            } else {
                Verdict::Inconclusive
            };
            (verdict, None)
        }
        _ => {
            let few = "fewer than 6 samples in one of the runs: there is no interval".to_owned();
            (Verdict::Inconclusive, Some(few))
        }
    };
    // Half the interval is what a change has to exceed the threshold by, to be seen.
    let width = change.low.zip(change.high).map(|(low, high)| high - low);
    Some(Judged {
        metric,
        counted: false,
        old: before.value,
        new: after.value,
        change: Some(change),
        terms,
        margin: terms.threshold,
        p: None,
        smallest: width.map(|width| terms.threshold + width / 2.0),
        pairs: old.len().min(new.len()),
        verdict,
        confirmed: false,
        remark,
    })
}

/// What a run has of each metric: a sample a round, or an interval.
fn metrics(run: &Results) -> BTreeMap<String, (Metric, Vec<f64>)> {
    let mut metrics = BTreeMap::new();
    let mut add = |metric: Metric, samples: Vec<f64>| {
        let samples: Vec<_> = samples.into_iter().filter(|value| *value > 0.0).collect();
        if !samples.is_empty() {
            metrics.insert(metric.name.clone(), (metric, samples));
        }
    };
    for case in &run.comparisons {
        let size = case.size.map(|size| format!("/{size}")).unwrap_or_default();
        for side in &case.sides {
            let name = format!("{}/{}/time{size}", case.agent, side.side);
            add(Metric::less(name, "ns"), side.ns.clone());
        }
    }
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for part in &run.parts {
        let name = name(part);
        // The same experiment with another strategy, say: both runs have them in one order.
        let number = seen.entry(name.clone()).or_default();
        *number += 1;
        let name = match number {
            1 => name,
            number => format!("{name}/{number}"),
        };
        of_part(part, &name, &mut add);
    }
    metrics
}

fn name(measurement: &Measurement) -> String {
    let part = &measurement.part;
    let (experiment, agent) = (part.experiment.name(), &part.agent);
    format!(
        "{experiment}/{agent}/{}/{}x{}",
        part.backend, part.agents, part.size
    )
}

fn of_part(part: &Measurement, name: &str, add: &mut impl FnMut(Metric, Vec<f64>)) {
    let rate = Metric {
        better: Better::Higher,
        ..Metric::less(format!("{name}/rate"), "1/s")
    };
    let closed = part.findings.iter().filter_map(|finding| match finding {
        Finding::Closed(interval) => Some(interval),
        _ => None,
    });
    let closed: Vec<_> = closed.collect();
    add(
        rate,
        closed.iter().map(|interval| interval.rate()).collect(),
    );
    let times = closed.iter().filter_map(|interval| interval.mean_ns());
    add(Metric::less(format!("{name}/mean"), "ns"), times.collect());
    let steady: Vec<_> = part
        .series
        .iter()
        .filter(|point| point.phase == Phase::Steady)
        .collect();
    let p50 = steady.iter().filter_map(|point| point.p50);
    add(Metric::less(format!("{name}/p50"), "ns"), p50.collect());
    let p99 = steady.iter().filter_map(|point| point.p99);
    add(Metric::less(format!("{name}/p99"), "ns"), p99.collect());
    let cpu = steady.iter().filter_map(|point| point.cpu);
    add(Metric::less(format!("{name}/cpu"), "ns"), cpu.collect());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(change: f64, noise: f64, better: Better) -> Verdict {
        let samples = |scale: f64| -> Vec<f64> {
            (0..20)
                .map(|n| scale * (1.0 + noise * (f64::from(n) - 9.5) / 9.5))
                .collect()
        };
        let metric = Metric {
            better,
            ..Metric::less("x", "")
        };
        let policy = Policy::standard().with_default_threshold(THRESHOLD);
        let judged = judge(
            metric,
            &samples(100.0),
            &samples(100.0 * (1.0 + change)),
            &policy,
        );
        judged.unwrap().verdict
    }

    #[test]
    fn a_change_counts_when_the_whole_interval_is_beyond_the_threshold() {
        use Better::{Higher, Lower};
        assert_eq!(verdict(0.05, 0.01, Lower), Verdict::Equivalent);
        assert_eq!(verdict(0.15, 0.01, Lower), Verdict::Regressed);
        assert_eq!(verdict(0.15, 0.01, Higher), Verdict::Improved);
        assert_eq!(verdict(-0.15, 0.01, Higher), Verdict::Regressed);
        // The seed's detector, on points, would have called this a regression.
        assert_eq!(verdict(0.12, 0.2, Lower), Verdict::Inconclusive);
    }

    #[test]
    fn a_few_samples_are_no_interval() {
        let policy = Policy::standard();
        let judged = judge(Metric::less("x", ""), &[1.0; 5], &[9.0; 5], &policy).unwrap();
        assert_eq!(judged.verdict, Verdict::Inconclusive);
        assert!(judged.remark.is_some());
    }
}
