//! `sandlab calibrate`

use super::{Found, KIND};
use crate::experiments::gate::{Decision, Pairs};
use crate::experiments::options::{Messages, slowdown, times, whole};
use crate::experiments::{Given, Plan, Step};
use crate::record::Part;
use crate::sampling::pairs::{Guests, InjectedSlowdown, PairSettings};
use crate::sampling::recorder::Recorder;
use crate::verdict::gate::{NoiseFloor, Policy, require_pairs};
use crate::{Error, Result};
use sandlab_runtime::BackendKind;
use std::rc::Rc;

/// The guest that is compared with itself, and the number of comparisons.
#[derive(Debug, clap::Args)]
pub struct Parameters {
    /// The guest that is compared with itself.
    #[arg(value_name = "AGENT|BUNDLE|FILE.wasm", default_value = "echo")]
    subject: String,
    /// Gates of the guest against itself.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = times())]
    runs: u32,
    /// Gates for each slowdown that is injected.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = whole::<u32>(0..=u32::MAX.into()))]
    planted_runs: u32,
    /// The slowdowns, as shares.
    #[arg(long, value_name = "SHARE", value_delimiter = ',', default_value = "0.02,0.05,0.1", value_parser = slowdown)]
    planted: Vec<f64>,
    #[command(flatten)]
    pairs: Pairs,
    #[command(flatten)]
    messages: Messages,
}

/// Gates with one slowdown.
struct Series {
    guests: Rc<Guests>,
    slowdown: f64,
    gates: u32,
    pairs: PairSettings,
}

impl Parameters {
    pub(super) fn plan<'a>(&self, given: &Given) -> Result<Plan<'a>> {
        let subject = self.messages.find(&self.subject, given)?;
        let cases = self.messages.cases(&subject)?;
        let guests = Rc::new(Guests::of(&subject, &subject, cases, &given.sandbox)?);
        let settings = self.pairs.settings(self.messages.seed());
        let alpha = Policy::standard().alpha();
        require_pairs(settings.pairs, guests.timed_metrics(), alpha)?;
        let planted = self.planted.iter().map(|share| (*share, self.planted_runs));
        let all = [(0.0, self.runs)].into_iter().chain(planted);
        let mut seed = settings.seed;
        let steps = all.filter(|(_, gates)| *gates > 0).map(|(slowdown, gates)| {
            let series =
                Series { guests: guests.clone(), slowdown, gates, pairs: settings.seeded(seed) };
            seed += 2 * u64::from(gates);
            let agent = subject.name();
            Box::new(move |to: &mut dyn Recorder| series.measure(&agent, to)) as Step
        });
        let steps: Vec<_> = steps.collect();
        Ok(Plan {
            name: "calibrate".to_owned(),
            subjects: vec![subject.clone()],
            settings: None,
            parts: steps.len(),
            expected: None,
            judges: false,
            samples_stacks: false,
            steps,
        })
    }
}

impl Series {
    fn measure(&self, agent: &str, to: &mut dyn Recorder) -> Result<()> {
        to.part(Part { backend: Some(BackendKind::Wasm), ..Part::new(KIND, agent) })?;
        let (policy, floor) = (Policy::standard(), NoiseFloor::default());
        let slowdown = InjectedSlowdown::new(self.slowdown);
        for gate in 0..self.gates {
            let share = self.slowdown * 100.0;
            to.shows(&format!("{share:+.0} %: gate {} of {}", gate + 1, self.gates));
            to.reached(f64::from(gate) / f64::from(self.gates));
            let decision = Decision {
                policy: &policy,
                floor: &floor,
                // Each gate has two series, with an order of their own.
                settings: self.pairs.seeded(self.pairs.seed + 2 * u64::from(gate)),
            };
            let metrics = decision.reach(to, |settings, wanted| {
                self.guests.time(settings, slowdown, wanted, &|| to.stopped())
            })?;
            if to.stopped() {
                return Err(Error::Stopped);
            }
            to.found(&Found::Gate { slowdown: self.slowdown, metrics })?;
        }
        Ok(())
    }
}
