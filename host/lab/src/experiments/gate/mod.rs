//! Gates: decide whether a build is worse than another, of a guest, of a program, or by stored
//! runs.

mod decide;
mod found;
mod parameters;
mod run;
mod show;
mod stored;

pub use decide::Decision;
pub use found::Found;
pub use parameters::{Pairs, Parameters};
pub use stored::compare_stored;

use super::{Experiment, Given, Plan, Shown, flamegraph};
use crate::Result;
use crate::metrics::{Quantity, Topic};
use crate::record::{Finding, Run};
use crate::sampling::pairs;
use crate::verdict::gate::{self, Compared, Ended, GateReport, Judged};
use crate::view::{Answer, Note, View};

/// The comparison of one build with another.
pub struct Gate;

/// The kind of its parts.
const KIND: &str = "gate";

impl Experiment for Gate {
    type Parameters = Parameters;
    type Found = Found;

    const KINDS: &'static [&'static str] = &[KIND];
    const QUANTITIES: &'static [&'static Quantity] = pairs::QUANTITIES;

    fn plan<'a>(parameters: &'a Parameters, given: &'a Given) -> Result<Plan<'a>> {
        parameters.plan(given)
    }

    fn show(parts: &[Shown<Found>], to: &mut View) {
        for part in parts {
            let Some(gated) = Gated::read(part.found.iter().cloned()) else {
                continue;
            };
            let Gated { compared, metrics, ended } = &gated;
            let told = gate::headline(metrics, *ended);
            let (verdict, counts) = told.split_once(": ").unwrap_or((&told, ""));
            let verdict = verdict.trim_start_matches("The gate ");
            to.answer(Answer::new(Topic::Gate, "gate", verdict).remark(counts));
            to.finding(Topic::Gate, told);
            show::show(compared, metrics, to);
            show::metrics(&part.part, metrics, to);
            to.objections.extend(gate::objections(metrics));
        }
    }
}

/// Returns the verdicts of a stored gate; `None` if the run is not a gate.
pub fn report(run: &Run) -> Option<GateReport> {
    let part = run.parts.iter().find(|part| part.part.experiment == KIND)?;
    let gated = Gated::read(part.findings.iter().filter_map(Finding::read))?;
    let end = run.end.clone().unwrap_or_default();
    Some(GateReport {
        schema: gate::SCHEMA,
        compared: gated.compared,
        ended: gated.ended,
        metrics: gated.metrics,
        grown: flamegraph::growths(run),
        notes: run.notes.clone(),
        failures: end.failures,
        environment: run.begin.environment.clone(),
        noise: end.noise,
    })
}

/// Returns the view of a gate's verdicts.
pub fn view(report: &GateReport) -> View {
    let mut view = View { notes: report.notes.iter().map(Note::new).collect(), ..View::default() };
    show::show(&report.compared, &report.metrics, &mut view);
    for growth in &report.grown {
        view.finding(Topic::Gate, growth.sentence());
    }
    view
}

/// The findings of a part, put together.
struct Gated {
    compared: Compared,
    metrics: Vec<Judged>,
    ended: Ended,
}

impl Gated {
    /// Reads the findings; `None` if even the compared builds are missing.
    fn read(findings: impl Iterator<Item = Found>) -> Option<Self> {
        let (mut compared, mut metrics, mut ended) = (None, Vec::new(), Ended::default());
        for found in findings {
            match found {
                Found::Compared(found) => compared = Some(found),
                Found::Judged(judged) => metrics.push(*judged),
                Found::Decided => ended.decided = true,
                Found::Failed => ended.failed = true,
            }
        }
        Some(Self { compared: compared?, metrics, ended })
    }
}
