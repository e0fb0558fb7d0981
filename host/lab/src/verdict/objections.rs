//! What of a run must not be: the command fails with it.

use super::{Grade, Targets, degradation, grade, leaks, plan, recovered};
use crate::experiments::record::{Experiment, Finding};
use crate::record::{Measurement, Results};

/// Everything that is worse than it may be, in a sentence each.
pub fn objections(results: &Results, targets: &Targets) -> Vec<String> {
    let mut objections: Vec<String> = grade(results, targets)
        .iter()
        .filter(|graded| graded.grade == Grade::Beyond)
        .map(|graded| {
            format!(
                "{}: {} is {:.4}; critical is {}",
                results.parts[graded.part].name(),
                graded.metric.name(),
                graded.value,
                graded.bounds.critical
            )
        })
        .collect();
    objections.extend(results.parts.iter().flat_map(of_part));
    objections.extend(plan::objections(results));
    objections
}

fn of_part(measurement: &Measurement) -> Vec<String> {
    let name = measurement.name();
    match measurement.part.experiment {
        Experiment::Sustained => {
            let leaks = leaks(&measurement.cycles()).unwrap_or_default().into_iter();
            let leaks = leaks.map(|leak| format!("{name}: {} leaks", leak.what));
            let changes = degradation(&measurement.series).into_iter();
            let worse = changes.filter(|change| change.is_flagged);
            let worse = worse.map(|change| format!("{name}: {} got worse over time", change.what));
            leaks.chain(worse).collect()
        }
        Experiment::Burst => {
            let found = recovered(&measurement.series);
            let never = found.filter(|found| found.after.is_none());
            let never =
                never.map(|found| format!("{name}: not recovered within {:.0} s", found.watched));
            never.into_iter().collect()
        }
        Experiment::Tuning => {
            let tuned = measurement
                .findings
                .iter()
                .filter_map(|finding| match finding {
                    Finding::Tuned(tuned) => tuned.objection(),
                    _ => None,
                });
            let agent = &measurement.part.agent;
            tuned
                .map(|objection| format!("{agent}: {objection}"))
                .collect()
        }
        _ => Vec::new(),
    }
}
