//! A stored run against an earlier one.

use crate::experiments;
use crate::record::{Run, RunId, differences};
use crate::verdict;
use crate::verdict::gate::{self, Compared, Ended, GateReport, Judged, Policy};
use crate::{Error, Result};

/// Judges each metric that both runs have.
///
/// # Errors
/// If there is none.
pub fn compare_stored(
    name: &str,
    (old, before): (RunId, &Run),
    (new, after): (RunId, &Run),
    policy: Policy,
) -> Result<GateReport> {
    let [baseline, current] = [before, after].map(|run| experiments::view(run).metrics);
    let (changes, mut notes) = verdict::changes(&baseline, &current, &policy);
    if changes.is_empty() {
        return Err(Error::Usage(format!(
            "run {new} and the baseline {name:?}, run {old}, have no metric in common: measure \
             both with the same command"
        )));
    }
    let metrics: Vec<_> = changes.iter().map(Judged::from).collect();
    notes.extend(verdict::speed(&changes));
    let differ = differences(&before.begin, &after.begin);
    let differ = differ.iter();
    notes.extend(differ.map(|difference| format!("the runs differ in {difference}")));
    let incomplete = [(old, before), (new, after)].into_iter();
    let incomplete = incomplete.filter(|(_, run)| !run.is_complete());
    notes.extend(incomplete.map(|(run, _)| format!("run {run} is not complete")));
    let names: Vec<_> = metrics.iter().map(|judged| judged.metric.name.as_str()).collect();
    notes.extend(policy.unused(&names));
    Ok(GateReport {
        schema: gate::SCHEMA,
        compared: Compared {
            old: format!("run {old} ({name})"),
            new: format!("run {new}"),
            unit: "a round of fresh instances, a start, or a window of time".to_owned(),
            correction: "nothing".to_owned(),
            alpha: policy.alpha(),
        },
        ended: Ended { decided: true, failed: false },
        metrics,
        grown: Vec::new(),
        notes,
        failures: Vec::new(),
        environment: after.begin.environment.clone(),
        noise: after.end.as_ref().map(|end| end.noise).unwrap_or_default(),
    })
}
