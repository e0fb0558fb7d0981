//! Gates: decide whether a build is worse than another, with one verdict per metric.
//!
//! A timed metric has regressed if its whole interval lies beyond the allowed change: that is, if a
//! change of at most that much is refuted. It is equivalent if both a worse and a better change
//! than that are refuted (Schuirmann 1987, "A comparison of the two one-sided tests procedure and
//! the power approach", Journal of Pharmacokinetics and Biopharmaceutics 15). Otherwise it is
//! inconclusive, and the smallest change that would have been found is reported. Of many metrics,
//! regressions and improvements are corrected by Holm's procedure. A counted metric has no noise,
//! and is compared directly.

mod calibration;
mod confirm;
mod floor;
mod growth;
mod judged;
mod pairs;
mod policy;
mod report;

pub use calibration::{Calibration, Trial};
pub use confirm::{again, confirmed};
pub use floor::{FILE as NOISE_FILE, NoiseFloor, kind};
pub use growth::Growth;
pub use judged::{Judged, Outcome, Verdict};
pub use pairs::require_pairs;
pub use policy::{Inconclusive, Policy, Rule};
pub use report::{Compared, Ended, GateReport, SCHEMA, headline, objections};

use crate::record::Paired;
use crate::stats::{Estimate, detectable, holm, location, median_interval, p_above, p_below};

/// The confidence of the intervals that are shown.
const CONFIDENCE: f64 = 0.99;

/// Judges each metric; metrics with too few samples for any verdict are left out.
pub fn judge(metrics: &[Paired], policy: &Policy, floor: &NoiseFloor) -> Vec<Judged> {
    let mut judged: Vec<_> = metrics
        .iter()
        .filter_map(|paired| {
            if paired.counted {
                return counted(paired, policy);
            }
            timed(paired, policy, floor)
        })
        .collect();
    correct(&mut judged, policy.alpha());
    judged.into_iter().map(|(judged, _)| judged).collect()
}

/// The p-values of a timed metric, before correction.
struct Tests {
    regressed: f64,
    improved: f64,
    equivalent: f64,
}

fn timed(paired: &Paired, policy: &Policy, floor: &NoiseFloor) -> Option<(Judged, Option<Tests>)> {
    let rule = policy.rule(&paired.metric.name);
    let margin = rule.threshold.max(floor.of(&paired.metric.name));
    let mut judged = about(paired, rule, margin)?;
    // Without logarithms there is nothing to test; that cannot be of a time or a rate.
    let Some(logs) = paired.log_ratios() else {
        judged.remark = Some("not above 0 in every pair".to_owned());
        return Some((judged, None));
    };
    let bound = margin.ln_1p();
    let centre = location(&logs, CONFIDENCE)?;
    let sign = judged.metric.better.sign();
    judged.change = Some(shown(centre, sign));
    judged.smallest =
        detectable(centre, CONFIDENCE, policy.alpha()).map(|most| (bound + most).exp_m1());
    let tests = Tests {
        regressed: p_above(&logs, bound),
        improved: p_below(&logs, -bound),
        equivalent: p_below(&logs, bound).max(p_above(&logs, -bound)),
    };
    Some((judged, Some(tests)))
}

/// From logarithms of which more is worse to shares of which more is more.
fn shown(centre: Estimate, sign: f64) -> Estimate {
    // Infinity is no number in a file, and would be lost there.
    let share = |log: f64| (sign * log).exp_m1().min(f64::MAX);
    let (low, high) = match sign {
        1.0 => (centre.low, centre.high),
        _ => (centre.high, centre.low),
    };
    Estimate { value: share(centre.value), low: low.map(share), high: high.map(share) }
}

fn counted(paired: &Paired, policy: &Policy) -> Option<(Judged, Option<Tests>)> {
    let rule = policy.rule(&paired.metric.name);
    let mut judged = about(paired, rule, rule.threshold)?;
    judged.confirmed = true;
    let range = |values: &[f64]| {
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        (low, values.iter().copied().fold(f64::NEG_INFINITY, f64::max))
    };
    // A guest that hashes with random keys burns a little more or less fuel each time. Then
    // only what lies outside of both ranges is a change.
    let ((old_low, old_high), (new_low, new_high)) = (range(&paired.old), range(&paired.new));
    let more = 1.0 + rule.threshold;
    judged.verdict = if new_low > old_high * more {
        Verdict::Regressed
    } else if new_high * more < old_low {
        Verdict::Improved
    } else if new_high <= old_low * more && new_low * more >= old_high {
        Verdict::Equivalent
    } else {
        Verdict::Inconclusive
    };
    Some((judged, None))
}

fn about(paired: &Paired, rule: Rule, margin: f64) -> Option<Judged> {
    let (old, new) = (median_interval(&paired.old)?, median_interval(&paired.new)?);
    let change = (old.value > 0.0).then(|| Estimate {
        value: (new.value / old.value - 1.0).min(f64::MAX),
        low: None,
        high: None,
    });
    Some(Judged {
        metric: paired.metric.clone(),
        counted: paired.counted,
        old: old.value,
        new: new.value,
        change,
        rule,
        margin,
        p: None,
        smallest: None,
        pairs: paired.old.len(),
        verdict: Verdict::Inconclusive,
        confirmed: false,
        remark: paired.remark.clone(),
        because: None,
        old_samples: paired.old.clone(),
        new_samples: paired.new.clone(),
    })
}

/// Gives timed metrics their verdicts, all at once.
fn correct(judged: &mut [(Judged, Option<Tests>)], alpha: f64) {
    let of = |which: fn(&Tests) -> f64| -> Vec<f64> {
        let tests = judged.iter().filter_map(|(_, tests)| tests.as_ref());
        holm(&tests.map(which).collect::<Vec<_>>())
    };
    let (regressed, improved) = (of(|tests| tests.regressed), of(|tests| tests.improved));
    let timed = judged.iter_mut().filter_map(|(judged, tests)| Some((judged, tests.as_ref()?)));
    for ((judged, tests), (regressed, improved)) in timed.zip(regressed.iter().zip(improved)) {
        judged.p = Some(*regressed);
        judged.verdict = if *regressed <= alpha {
            Verdict::Regressed
        } else if improved <= alpha {
            Verdict::Improved
        } else if tests.equivalent <= alpha {
            Verdict::Equivalent
        } else {
            Verdict::Inconclusive
        };
    }
}

#[cfg(test)]
mod tests;
