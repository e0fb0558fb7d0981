//! Measures both builds, and records the verdict on each metric.

use super::{Decision, Found, KIND};
use crate::experiments::flamegraph;
use crate::printable::printable;
use crate::record::{Environment, Paired, Part, RoundSettings};
use crate::sampling::pairs::{Guests, InjectedSlowdown, PairSettings, Programs, of_case};
use crate::sampling::recorder::Recorder;
use crate::verdict::gate::{self, Compared, Judged, NoiseFloor, Policy, Verdict, require_pairs};
use crate::{Error, Kind, Result};
use sandlab_runtime::BackendKind;
use std::cell::Cell;
use std::path::Path;

/// The two sides of a gate.
pub enum Sides {
    /// Two builds of a guest.
    Guests {
        /// Both of them.
        guests: Box<Guests>,
        /// Whether guests are timed as well as counted.
        is_timed: bool,
    },
    /// Two builds of a program.
    Programs(Programs),
}

/// A gate that is about to be run.
pub struct Run {
    /// The old and the new build as the user named them.
    pub names: [String; 2],
    /// The old and the new side.
    pub sides: Sides,
    /// The changes that are allowed, by metric.
    pub policy: Policy,
    /// This machine's noise; `None` if it was not measured.
    pub floor: Option<NoiseFloor>,
    /// The number of pairs, and the repetitions per pair.
    pub settings: PairSettings,
}

impl Run {
    /// Counts, times, judges and confirms. Verdicts before an error are recorded.
    ///
    /// # Errors
    /// If a build cannot be measured, or gives a wrong reply.
    pub fn measure(self, to: &mut dyn Recorder) -> Result<()> {
        let [old, new] = &self.names;
        let file = Path::new(new).file_name().unwrap_or(new.as_ref());
        let (backend, agent) = match &self.sides {
            Sides::Guests { guests, .. } => (Some(BackendKind::Wasm), guests.agent()),
            Sides::Programs(_) => (None, file.to_str().unwrap_or(new)),
        };
        to.part(Part { backend, ..Part::new(KIND, &printable(agent)) })?;
        to.found(&Found::Compared(Compared {
            old: old.clone(),
            new: new.clone(),
            unit: match self.sides {
                Sides::Guests { .. } => "two fresh instances of components loaded anew",
                Sides::Programs(_) => "two fresh processes",
            }
            .to_owned(),
            correction: "Holm's procedure".to_owned(),
            alpha: self.policy.alpha(),
        }))?;
        let mut seen = Seen::default();
        let judged = self.judge_all(&mut seen, to);
        if judged.as_ref().is_err_and(|error| error.kind() == Kind::Finding) {
            to.found(&Found::Failed)?;
        }
        judged?;
        to.found(&Found::Decided)?;
        let names: Vec<_> = seen.names.iter().map(String::as_str).collect();
        let unused = self.policy.unused(&names);
        unused.into_iter().try_for_each(|note| to.note(note))?;
        self.explain(&seen.regressed, to)
    }

    /// Judges what is counted, and then what is timed.
    fn judge_all(&self, seen: &mut Seen, to: &mut dyn Recorder) -> Result<()> {
        if let Sides::Guests { guests, .. } = &self.sides {
            to.shows("counting");
            self.judge(&guests.inspect()?, seen, to)?;
            self.judge(&guests.count()?, seen, to)?;
        }
        if !matches!(self.sides, Sides::Guests { is_timed, .. } if !is_timed) {
            self.doubt(to)?;
            to.shows("timing");
            self.time(seen, to)?;
        }
        match to.stopped() {
            true => Err(Error::Stopped),
            false => Ok(()),
        }
    }

    /// Samples both builds at the messages that take longer or burn more fuel, so that the
    /// functions behind it have names.
    fn explain(&self, regressed: &[String], to: &mut dyn Recorder) -> Result<()> {
        let Sides::Guests { guests, .. } = &self.sides else {
            return Ok(());
        };
        let cases = guests.cases().iter().filter(|case| {
            ["time", "fuel"].iter().any(|kind| regressed.contains(&of_case(kind, case).name))
        });
        let cases: Vec<_> = cases.collect();
        if cases.is_empty() {
            return Ok(());
        }
        to.shows("sampling both builds");
        let settings = RoundSettings { seed: self.settings.seed, ..RoundSettings::default() };
        flamegraph::builds(guests, &cases, &settings, to).map_err(|error| guests.explained(error))
    }

    /// Notes what is unknown of this machine's noise.
    fn doubt(&self, to: &mut dyn Recorder) -> Result<()> {
        let doubt = match &self.floor {
            Some(floor) => floor.doubt(&Environment::now()),
            None => Some(
                "this machine's noise is not known; `sandlab calibrate` measures it".to_owned(),
            ),
        };
        doubt.map_or(Ok(()), |doubt| to.note(doubt))
    }

    /// Judges the counted metrics.
    fn judge(&self, paired: &[Paired], seen: &mut Seen, to: &mut dyn Recorder) -> Result<()> {
        let judged = gate::judge(paired, &self.policy, &NoiseFloor::default());
        record(judged, seen, to)
    }

    fn time(&self, seen: &mut Seen, to: &mut dyn Recorder) -> Result<()> {
        let floor = self.floor.clone().unwrap_or_default();
        let decision = Decision { policy: &self.policy, floor: &floor, settings: self.settings };
        let mut notes = Vec::new();
        let judged = decision.reach(to, |settings, wanted| {
            let stop = || to.stopped();
            match &self.sides {
                Sides::Guests { guests, .. } => {
                    let pairs = Cell::new(0);
                    let next = || {
                        to.reached(f64::from(pairs.get()) / f64::from(settings.pairs));
                        pairs.set(pairs.get() + 1);
                        stop()
                    };
                    guests.time(settings, InjectedSlowdown::default(), wanted, &next)
                }
                Sides::Programs(programs) => {
                    let begin = |metrics| self.begin(metrics);
                    let (paired, alone) = programs.run(settings, wanted, &begin, &stop)?;
                    notes.extend(alone);
                    Ok(paired)
                }
            }
        })?;
        notes.sort_unstable();
        notes.dedup();
        notes.into_iter().try_for_each(|note| to.note(note))?;
        record(judged, seen, to)
    }

    /// Ends a gate of programs after their first pair if no other can decide anything.
    fn begin(&self, metrics: usize) -> Result<()> {
        if metrics == 0 {
            return Err(Error::Usage("the two programs report no metric in common".to_owned()));
        }
        require_pairs(self.settings.pairs, metrics, self.policy.alpha())
    }
}

/// The metrics that were judged, by name.
#[derive(Default)]
struct Seen {
    names: Vec<String>,
    /// The names of metrics for which the gate fails.
    regressed: Vec<String>,
}

fn record(judged: Vec<Judged>, seen: &mut Seen, to: &mut dyn Recorder) -> Result<()> {
    for judged in judged {
        let name = &judged.metric.name;
        seen.names.push(name.clone());
        if judged.verdict == Verdict::Regressed && judged.rule.gates {
            seen.regressed.push(name.clone());
        }
        to.found(&Found::Judged(Box::new(judged)))?;
    }
    Ok(())
}
