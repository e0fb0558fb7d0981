//! Checks of a number against its budget.

use super::code::Code;
use super::finding::{Check, Finding, Metric};
use super::measure::Measure;
use super::policy::Policy;

/// Checks a number: above its budget is a finding with this code. A time may exceed its budget
/// by the policy's margin, because a machine is never quite idle.
pub fn judge(policy: &Policy, measure: Measure, value: u64, over: Code) -> Check {
    judge_samples(policy, measure, value, Vec::new(), over)
}

/// Checks a number that summarises samples, as [`judge`] does.
pub fn judge_samples(
    policy: &Policy,
    measure: Measure,
    value: u64,
    samples: Vec<u64>,
    over: Code,
) -> Check {
    let budget = policy.budgets.get(&measure).copied();
    let margin = if measure.is_timed() { policy.timing.margin } else { 1.0 };
    let limit = budget.map(|budget| (budget as f64 * margin) as u64);
    let finding = limit.filter(|limit| value > *limit).map(|limit| {
        let remedy = format!("Reduce it, or raise `{measure}` under [budgets]");
        Finding::new(over, measure.name(), remedy)
            .wanted(format!("at most {}", measure.show(limit)))
            .found(measure.show(value))
    });
    let metric = Metric { measure, value, budget, previous: None, samples };
    Check::measured(metric, finding.into_iter().collect())
}

/// Returns the sample below which this share of them lies; sorts them in place.
pub fn percentile(samples: &mut [u64], share: f64) -> u64 {
    samples.sort_unstable();
    let rank = (samples.len() as f64 * share).ceil() as usize;
    let index = rank.saturating_sub(1).min(samples.len().saturating_sub(1));
    samples.get(index).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validate::policy::{Overrides, Policies};
    use std::path::Path;

    #[test]
    fn only_a_time_has_a_margin() {
        let text = "budgets = { file-size = 100, spawn-p50 = \"100ns\" }";
        let policies = Policies::parse(text, Path::new(""), Overrides::default()).unwrap();
        let policy = Policy::read(policies.of(&[]), policies.folder()).unwrap();
        let findings = |measure, value| judge(&policy, measure, value, Code::OverSize).findings;
        assert!(findings(Measure::FileSize, 100).is_empty());
        assert_eq!(findings(Measure::FileSize, 101).len(), 1);
        assert!(findings(Measure::SpawnP50, 125).is_empty());
        assert_eq!(findings(Measure::SpawnP50, 126).len(), 1);
        assert!(findings(Measure::DataSize, u64::MAX).is_empty());
    }

    #[test]
    fn a_percentile_is_one_of_the_samples() {
        let mut samples: Vec<u64> = (1..=20).rev().collect();
        assert_eq!(percentile(&mut samples, 0.5), 10);
        assert_eq!(percentile(&mut samples, 0.95), 19);
        assert_eq!(percentile(&mut [7], 0.95), 7);
    }
}
