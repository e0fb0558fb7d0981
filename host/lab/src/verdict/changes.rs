//! Changes from one stored run to another: the one rule of reports with a baseline, and of a gate
//! on stored runs. The two runs were measured at different times, so their samples cannot be
//! paired, and the difference includes the machine's noise: hence the wide threshold. It is half as
//! wide where a fixed computation was timed beside each sample, by which both are divided.

use super::gate::{Judged, Policy, Rule, Verdict};
use crate::metrics::{Identity, Metric};
use crate::stats::{Estimate, median_interval, separation};
use serde::Serialize;
use std::collections::BTreeMap;

/// The relative change that is allowed by default: 0.1 is 10 %.
const THRESHOLD: f64 = 0.1;

/// The relative change that is allowed by default of what was measured beside a fixed computation.
const BESIDE: f64 = 0.05;

/// The fewest samples with a 95 % interval of their median.
const FEWEST: usize = 6;

/// A metric that both runs have.
#[derive(Debug, Clone, Serialize)]
pub struct Change {
    /// The metric in the current run.
    #[serde(flatten)]
    pub metric: Metric,
    /// Its value in the baseline; at the machine's speed of the current run, where that is known.
    pub baseline: Estimate,
    /// The time of the fixed computation ÷ that of the baseline's run; `None` if one has none.
    pub slowness: Option<f64>,
    /// The current value ÷ the baseline's, less one, with the interval that follows from both;
    /// `None` where the baseline is 0.
    pub change: Option<Estimate>,
    /// The number of samples of the run that has fewer; 0 if a value was read once.
    pub samples: usize,
    /// The change that is allowed, and how its data are compared.
    #[serde(skip)]
    pub rule: Rule,
    /// The verdict; `None` where one of the values has no interval, or is not judged.
    pub verdict: Option<Verdict>,
    /// The reason why one of the two runs is not judged; `None` if both are.
    pub because: Option<String>,
}

impl Change {
    /// Returns the verdict's name for people.
    pub fn verdict_name(&self) -> &'static str {
        match self.verdict {
            Some(verdict) => verdict.name(),
            None if self.because.is_some() => "not judged",
            None => "no interval",
        }
    }

    /// Returns whether it is a regression or an improvement.
    pub fn is_found(&self) -> bool {
        matches!(self.verdict, Some(Verdict::Regressed | Verdict::Improved))
    }
}

/// A change, as a gate judges it. Of a value that was read once there never is an interval, so
/// that it is shown and does not gate.
impl From<&Change> for Judged {
    fn from(change: &Change) -> Self {
        let Change { metric, samples, .. } = change;
        let mut rule = change.rule;
        let remark = match change.verdict {
            Some(_) => None,
            None if change.because.is_some() => None,
            None if *samples == 0 => {
                rule.gates = false;
                Some("there is no interval of it".to_owned())
            }
            None => Some(format!(
                "fewer than {FEWEST} samples in one of the runs: there is no interval"
            )),
        };
        // Half the interval is what a change has to exceed the threshold by, to be seen.
        let ends = change.change.and_then(|change| change.ends());
        let smallest = ends.map(|(low, high)| rule.threshold + (high - low) / 2.0);
        Self {
            metric: Identity::from(metric),
            counted: metric.exact,
            old: change.baseline.value,
            new: metric.value.value,
            change: change.change,
            rule,
            margin: rule.threshold,
            p: None,
            smallest,
            pairs: *samples,
            verdict: change.verdict.unwrap_or(Verdict::Inconclusive),
            confirmed: false,
            remark,
            because: change.because.clone(),
            old_samples: Vec::new(),
            new_samples: Vec::new(),
        }
    }
}

/// Returns a sentence on the machine's speed, for readers who know the baseline's values as they were
/// measured; `None` if it was the same.
pub fn speed(changes: &[Change]) -> Option<String> {
    let slowness = changes.iter().filter_map(|change| change.slowness);
    let ends = (f64::INFINITY, f64::NEG_INFINITY);
    let (low, high) = slowness.fold(ends, |(low, high), it| (low.min(it), high.max(it)));
    (low < 0.98 || high > 1.02).then(|| {
        let times = match high - low < 0.005 {
            true => format!("{high:.2} times"),
            false => format!("{low:.2} to {high:.2} times"),
        };
        format!(
            "a fixed computation took {times} as long as in the baseline's run, whose times are \
             shown and compared at the speed of this run"
        )
    })
}

/// Returns the changes of the metrics of both runs, in the order of the current one, and notes on
/// metrics that only one run has, and on metrics that one has more than once, which cannot be
/// matched.
pub fn changes(
    baseline: &[Metric],
    current: &[Metric],
    policy: &Policy,
) -> (Vec<Change>, Vec<String>) {
    let policies = [THRESHOLD, BESIDE].map(|it| policy.clone().with_default_threshold(it));
    let (mut before, mut after) = (by_key(baseline), by_key(current));
    let (mut changes, mut notes) = (Vec::new(), Vec::new());
    for metric in current {
        let Some(new) = after.remove(&metric.key()) else {
            continue;
        };
        match (before.remove(&metric.key()).as_deref(), new.as_slice()) {
            (Some([old]), [new]) => changes.push(change(old, new, &policies)),
            (Some(_), _) => {
                let name = metric.name();
                notes.push(format!("{name} was measured more than once, and is not compared"));
            }
            (None, _) => notes.push(format!("only the new run has {}", metric.name())),
        }
    }
    let left = before.values().flatten();
    notes.extend(left.map(|metric| format!("only the baseline has {}", metric.name())));
    (changes, notes)
}

fn by_key(metrics: &[Metric]) -> BTreeMap<String, Vec<&Metric>> {
    let mut all = BTreeMap::<String, Vec<&Metric>>::new();
    for metric in metrics {
        all.entry(metric.key()).or_default().push(metric);
    }
    all
}

/// Judges by the interval of the ratio, which follows from both.
fn change(before: &Metric, metric: &Metric, [alone, beside]: &[Policy; 2]) -> Change {
    let relative = Series::beside(before).zip(Series::beside(metric));
    let (rule, is_beside) = match &relative {
        Some(_) => (beside.rule(&metric.key()), true),
        None => (alone.rule(&metric.key()), false),
    };
    let (old, new) = relative.unwrap_or_else(|| (Series::of(before), Series::of(metric)));
    let mut change = (old.value.value != 0.0).then(|| share(new.value, old.value));
    let in_baseline = |why: String| format!("in the baseline {why}");
    let mut because = metric.withheld.clone().or_else(|| before.withheld.clone().map(in_baseline));
    if because.is_none() {
        because = new.drifted().or_else(|| old.drifted().map(in_baseline));
        // What is worth too few samples for an interval may lie beyond all of the other run's. That
        // nothing has changed, so few do not show.
        if because.is_some()
            && let Some(change) = &mut change
            && let Some((low, high)) = separation(&old.samples, &new.samples)
            && matches!(judge((low, high), metric, &rule), Verdict::Regressed | Verdict::Improved)
        {
            (change.low, change.high, because) = (Some(low), Some(high), None);
        }
    }
    let intervals = new.value.ends().zip(old.value.ends());
    let verdict = match (change.and_then(|change| change.ends()), intervals) {
        (Some(ends), _) => Some(judge(ends, metric, &rule)),
        // From nothing there is no share, but what is more than nothing can be seen.
        (None, Some(((low, high), _))) => Some(match (low > 0.0, high <= 0.0) {
            (true, _) if metric.quantity.better.sign() > 0.0 => Verdict::Regressed,
            (true, _) => Verdict::Improved,
            (_, true) => Verdict::Equivalent,
            _ => Verdict::Inconclusive,
        }),
        _ => None,
    };
    // A computation's multiples become times at the speed of the current run.
    let at = |value: f64| match is_beside {
        true => value * metric.value.value / new.value.value,
        false => value,
    };
    Change {
        metric: metric.clone(),
        baseline: Estimate {
            value: at(old.value.value),
            low: old.value.low.map(at),
            high: old.value.high.map(at),
        },
        slowness: is_beside
            .then(|| {
                let of = |metric: &Metric| median_interval(&metric.reference).map(|it| it.value);
                Some(of(metric)? / of(before)?)
            })
            .flatten(),
        change,
        samples: before.samples.len().min(metric.samples.len()),
        rule,
        verdict: verdict.filter(|_| because.is_none()),
        because,
    }
}

/// What is compared of a metric.
struct Series {
    samples: Vec<f64>,
    value: Estimate,
}

impl Series {
    fn of(metric: &Metric) -> Self {
        Self { samples: metric.samples.clone(), value: metric.value }
    }

    /// Returns the samples ÷ the fixed computation beside each; `None` if there is none.
    fn beside(metric: &Metric) -> Option<Self> {
        let pairs = metric.samples.iter().zip(&metric.reference);
        let samples: Vec<f64> = pairs.map(|(sample, reference)| sample / reference).collect();
        Some(Self { value: median_interval(&samples)?, samples })
    }

    /// Returns why samples that are enough have no interval; `None` if they have one, or are too
    /// few.
    fn drifted(&self) -> Option<String> {
        let count = self.samples.len();
        (count >= FEWEST && self.value.ends().is_none()).then(|| {
            format!(
                "the machine drifted: the {count} samples say no more than {} independent ones \
                 would; measure for longer",
                FEWEST - 1
            )
        })
    }
}

/// Returns new ÷ old, less one. As far as a value may be off to one side, its logarithm is off from the
/// estimate's; of two values that do not depend on each other, these distances add up as squares do
/// (Zou and Donner 2008, "Construction of confidence limits about effect measures", Statistics in
/// Medicine 27). Values that are not above 0 have no logarithm: then the ends are those of the ends.
fn share(new: Estimate, old: Estimate) -> Estimate {
    let value = new.value / old.value - 1.0;
    let Some(((new_low, new_high), (old_low, old_high))) = new.ends().zip(old.ends()) else {
        return Estimate::single(value);
    };
    if new_low <= 0.0 || old_low <= 0.0 {
        let ends = (new_low / old_high - 1.0, new_high / old_low - 1.0);
        return Estimate { value, low: Some(ends.0), high: Some(ends.1) };
    }
    let away = |end: f64, of: f64| (end / of).ln();
    let low = away(new_low, new.value).hypot(away(old_high, old.value));
    let high = away(new_high, new.value).hypot(away(old_low, old.value));
    let end = |distance: f64| Some((value.ln_1p() + distance).exp_m1());
    Estimate { value, low: end(-low), high: end(high) }
}

fn judge((low, high): (f64, f64), metric: &Metric, rule: &Rule) -> Verdict {
    let threshold = rule.threshold;
    let (above, below) = (low > threshold, high < -threshold);
    let is_worse = match metric.quantity.better.sign() > 0.0 {
        true => above,
        false => below,
    };
    match () {
        () if is_worse => Verdict::Regressed,
        () if above || below => Verdict::Improved,
        () if low >= -threshold && high <= threshold => Verdict::Equivalent,
        () => Verdict::Inconclusive,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::shared::{LATENCY_P99, THROUGHPUT};
    use crate::metrics::{Labels, Quantity};

    fn metric(quantity: &'static Quantity, centre: f64, noise: f64) -> Metric {
        // In no order: samples that rise all along would say little.
        let place = |n: u32| f64::from(n * 7 % 20);
        let samples = (0..20).map(|n| centre * (1.0 + noise * (place(n) - 9.5) / 9.5));
        Metric::median(quantity, Labels::new(), samples.collect()).unwrap()
    }

    fn verdict(quantity: &'static Quantity, change: f64, noise: f64) -> Option<Verdict> {
        let policy = Policy::standard();
        let old = metric(quantity, 100.0, noise);
        let new = metric(quantity, 100.0 * (1.0 + change), noise);
        changes(&[old], &[new], &policy).0[0].verdict
    }

    #[test]
    fn a_change_counts_when_its_whole_interval_is_beyond_the_threshold() {
        assert_eq!(verdict(&LATENCY_P99, 0.05, 0.01), Some(Verdict::Equivalent));
        assert_eq!(verdict(&LATENCY_P99, 0.15, 0.01), Some(Verdict::Regressed));
        assert_eq!(verdict(&THROUGHPUT, 0.15, 0.01), Some(Verdict::Improved));
        assert_eq!(verdict(&THROUGHPUT, -0.15, 0.01), Some(Verdict::Regressed));
        assert_eq!(verdict(&LATENCY_P99, 0.12, 0.2), Some(Verdict::Inconclusive));
    }

    #[test]
    fn what_one_run_did_not_measure_undisturbed_has_no_verdict() {
        let (old, new) = (metric(&LATENCY_P99, 100.0, 0.01), metric(&LATENCY_P99, 222.0, 0.01));
        let policy = Policy::standard();
        let why = Some("7 of 10 windows did not count".to_owned());
        let disturbed = new.clone().withheld(why.clone());
        let judged = &changes(std::slice::from_ref(&old), &[disturbed], &policy).0[0];
        assert_eq!((judged.verdict, &judged.because), (None, &why));
        assert_eq!(judged.verdict_name(), "not judged");
        let judged = &changes(&[old.withheld(why)], &[new], &policy).0[0];
        let because = judged.because.as_deref().unwrap();
        assert_eq!((judged.verdict, because.contains("in the baseline 7 of 10")), (None, true));
    }

    #[test]
    fn what_drifted_all_along_is_not_judged() {
        let rising = (0..30).map(|n| 100.0 + f64::from(n)).collect();
        let drifted = Metric::median(&LATENCY_P99, Labels::new(), rising).unwrap();
        let (steady, policy) = (metric(&LATENCY_P99, 200.0, 0.01), Policy::standard());
        let judged = &changes(&[drifted], &[steady], &policy).0[0];
        let because = judged.because.as_deref().unwrap();
        assert_eq!((judged.verdict, because.contains("in the baseline the machine")), (None, true));
    }

    #[test]
    fn what_drifted_far_below_all_of_the_other_is_judged() {
        let risen = |by: f64| (0..40).map(|n| 100.0 + by * f64::from(n)).collect();
        let drifted = |by| Metric::median(&LATENCY_P99, Labels::new(), risen(by)).unwrap();
        let samples = (0..200).map(|n| 700.0 + f64::from(n * 7 % 20));
        let slow = Metric::median(&LATENCY_P99, Labels::new(), samples.collect()).unwrap();
        let policy = Policy::standard();
        let judged =
            |old, new: &Metric| changes(&[old], std::slice::from_ref(new), &policy).0.remove(0);
        let worse = judged(drifted(1.0), &slow);
        assert_eq!((worse.verdict, worse.because), (Some(Verdict::Regressed), None));
        let (low, high) = worse.change.unwrap().ends().unwrap();
        assert!((low - (700.0 / 139.0 - 1.0)).abs() < 1e-9 && (high - 6.19).abs() < 1e-9);
        // Up to 687: the nearest are no more than a tenth apart.
        assert_eq!(judged(drifted(15.05), &slow).verdict, None);
        assert!(judged(drifted(20.0), &slow).because.is_some());
        let alike = (0..40).map(|n| 700.0 + f64::from(n) / 2.0).collect();
        let alike = Metric::median(&LATENCY_P99, Labels::new(), alike).unwrap();
        assert_eq!(judged(alike, &slow).verdict, None);
    }

    #[test]
    fn without_an_interval_there_is_no_verdict_and_what_one_run_lacks_is_named() {
        let policy = Policy::standard();
        let single = |value| Metric::single(&LATENCY_P99, Labels::new(), value);
        let (judged, notes) = changes(&[single(1.0)], &[single(9.0)], &policy);
        assert_eq!((judged[0].verdict, notes.len()), (None, 0));
        let other = Metric::single(&THROUGHPUT, Labels::new(), 1.0);
        let (judged, notes) = changes(&[single(1.0)], &[other], &policy);
        assert!(judged.is_empty() && notes[0].contains("only the new run"));
        assert!(notes[1].contains("only the baseline has latency p99"));
    }

    #[test]
    fn what_a_slower_machine_adds_is_taken_out_by_the_computation_beside_it() {
        let beside = |slowness: f64, worse: f64| {
            let (time, reference) = (100.0 * slowness * worse, 7.0 * slowness);
            let metric = metric(&LATENCY_P99, time, 0.02);
            let reference = vec![reference; metric.samples.len()];
            metric.beside(&reference)
        };
        let judged = |slowness, worse| {
            let (old, new) = (beside(1.0, 1.0), beside(slowness, worse));
            changes(&[old], &[new], &Policy::standard()).0.remove(0)
        };
        let slower = judged(1.3, 1.0);
        assert_eq!(slower.verdict, Some(Verdict::Equivalent));
        assert!((slower.slowness.unwrap() - 1.3).abs() < 1e-9);
        assert!((slower.baseline.value - slower.metric.value.value).abs() < 1e-9);
        assert!(speed(&[slower]).unwrap().contains("took 1.30 times as long"));
        let worse = judged(0.8, 1.1);
        assert_eq!((worse.verdict, worse.rule.threshold), (Some(Verdict::Regressed), BESIDE));
        // Against a run of before there was such a computation.
        let older = metric(&LATENCY_P99, 100.0, 0.02);
        let judged = &changes(&[older], &[beside(1.3, 1.0)], &Policy::standard()).0[0];
        assert_eq!((judged.verdict, judged.rule.threshold), (Some(Verdict::Regressed), THRESHOLD));
        assert_eq!(speed(std::slice::from_ref(judged)), None);
    }

    #[test]
    fn the_interval_of_a_change_is_narrower_than_that_of_the_ends() {
        let within = |value: f64, part: f64| Estimate {
            value,
            low: Some(value / part),
            high: Some(value * part),
        };
        let change = share(within(110.0, 1.03), within(100.0, 1.04));
        let (low, high) = change.ends().unwrap();
        // The root of the sum of the squares of 3 % and 4 % is 5 %.
        assert!((change.value - 0.1).abs() < 1e-9);
        assert!((low - (1.1 / 1.05 - 1.0)).abs() < 1e-3 && (high - 0.155).abs() < 1e-3);
        let certain = share(Estimate::exact(3.0), Estimate::exact(2.0));
        assert_eq!(certain.ends().map(|(low, high)| high - low), Some(0.0));
        let from_nothing = Estimate { low: Some(0.0), ..within(100.0, 2.0) };
        assert_eq!(share(from_nothing, within(100.0, 2.0)).low, Some(-1.0));
        assert_eq!(share(Estimate::single(1.0), within(1.0, 2.0)).ends(), None);
    }

    #[test]
    fn what_one_run_measured_twice_is_not_crossed() {
        let policy = Policy::standard();
        let [fast, slow] = [100.0, 900.0].map(|centre| metric(&LATENCY_P99, centre, 0.01));
        let old = [fast.clone(), slow.clone()];
        let (judged, notes) = changes(&old, &[slow, fast], &policy);
        assert!(judged.is_empty());
        assert_eq!(notes, ["latency p99 was measured more than once, and is not compared"]);
    }
}
