//! This machine's noise, and what a gate makes of it: false alarms and power.

mod found;
mod parameters;
mod show;

pub use found::Found;
pub use parameters::Parameters;

use super::{Experiment, Given, Plan, Shown};
use crate::Result;
use crate::record::{Finding, Run};
use crate::verdict::gate::{Calibration, Trial};
use crate::view::View;

/// Gates of a guest against itself, with and without an injected slowdown.
pub struct Calibrate;

/// The kind of its parts: one for each slowdown.
const KIND: &str = "calibration";

impl Experiment for Calibrate {
    type Parameters = Parameters;
    type Found = Found;

    const KINDS: &'static [&'static str] = &[KIND];

    fn plan<'a>(parameters: &'a Parameters, given: &'a Given) -> Result<Plan<'a>> {
        parameters.plan(given)
    }

    fn show(parts: &[Shown<Found>], to: &mut View) {
        let trials = parts.iter().filter_map(|part| trial(part.found.iter().cloned()));
        show::show(&Calibration { trials: trials.collect() }, to);
    }
}

/// Returns the calibration of a stored run.
pub fn calibration(run: &Run) -> Calibration {
    let parts = run.parts.iter().filter(|part| part.part.experiment == KIND);
    let trials = parts.filter_map(|part| trial(part.findings.iter().filter_map(Finding::read)));
    Calibration { trials: trials.collect() }
}

/// Returns the gates of a part; `None` if none of them has ended.
fn trial(findings: impl Iterator<Item = Found>) -> Option<Trial> {
    let gates: Vec<_> =
        findings.map(|Found::Gate { slowdown, metrics }| (slowdown, metrics)).collect();
    Some(Trial {
        share: gates.first()?.0,
        gates: gates.into_iter().map(|(_, metrics)| metrics).collect(),
    })
}
