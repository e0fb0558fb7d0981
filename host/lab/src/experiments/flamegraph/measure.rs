//! Samples a subject and its twin, or two builds of one.

use super::KIND;
use super::found::{Found, Stacks};
use crate::Result;
use crate::bundle::Subject;
use crate::experiments::Step;
use crate::record::{Folded, RoundSettings};
use crate::sampling::pairs::Guests;
use crate::sampling::perf;
use crate::sampling::recorder::Recorder;
use crate::sampling::setup::Loaded;
use crate::sampling::stacks::Watched;
use crate::sampling::{backends, stacks};
use crate::workload::Case;
use sandlab_runtime::{BackendKind, SandboxConfig};
use std::time::Duration;

/// A subject that is sampled.
pub struct Inside {
    /// The component, and the twin that `beside_twin` is about.
    pub subject: Subject,
    /// The messages, one part of the run for each.
    pub cases: Vec<Case>,
    /// Rounds and their seed; each round is one block in time.
    pub settings: RoundSettings,
    /// Limits and grants of the guest; `interrupt` is ignored, since samples are taken where epochs
    /// are checked.
    pub sandbox: SandboxConfig,
    /// Whether its native twin, if there is one, is sampled too.
    pub beside_twin: bool,
}

impl Inside {
    /// Returns the step that samples it.
    pub fn step<'a>(self) -> Step<'a> {
        Box::new(move |to| self.measure(to))
    }

    fn measure(&self, to: &mut dyn Recorder) -> Result<()> {
        let Self { subject, cases, sandbox, .. } = self;
        let watched = Watched::alone(subject, sandbox, cases)?;
        let has_twin = self.beside_twin && subject.twin().is_some();
        let native = || backends::load(subject, &[BackendKind::Native], sandbox, cases);
        let twin = has_twin.then(native).transpose()?;
        for case in cases {
            record(&watched, case, &self.settings, to)?;
            if let Some(twin) = twin.as_ref().filter(|_| !to.stopped()) {
                beside(twin, case, to)?;
            }
        }
        Ok(())
    }
}

/// Samples the twin with the same messages.
fn beside(twin: &Loaded, case: &Case, to: &mut dyn Recorder) -> Result<()> {
    for side in &twin.sides {
        match perf::sample(twin, side, case)? {
            Ok(folded) => found(side.name.clone(), perf::INTERVAL, folded, to)?,
            Err(why) => to.found(&Found::NoTwin { why })?,
        }
    }
    Ok(())
}

/// Samples two builds with these messages, in a part of the run per case.
///
/// # Errors
/// If one does not load, or gives a wrong reply.
pub fn builds(
    guests: &Guests,
    cases: &[&Case],
    settings: &RoundSettings,
    to: &mut dyn Recorder,
) -> Result<()> {
    let watched = Watched::builds(guests)?;
    cases.iter().try_for_each(|case| record(&watched, case, settings, to))
}

fn record(
    watched: &Watched,
    case: &Case,
    settings: &RoundSettings,
    to: &mut dyn Recorder,
) -> Result<()> {
    if to.stopped() {
        return Ok(());
    }
    let sides = watched.record(KIND, case, settings, to)?;
    sides.into_iter().try_for_each(|(side, folded)| found(side, stacks::INTERVAL, folded, to))
}

fn found(side: String, interval: Duration, folded: Folded, to: &mut dyn Recorder) -> Result<()> {
    let interval_ns = interval.as_nanos() as u64;
    to.found(&Found::Stacks(Stacks { side, interval_ns, folded }))
}
