//! `sandlab torture`

use super::run::KEEP_RESIDENT;
use super::{Found, Stress, torture};
use crate::experiments::options::{Messages, duration, rate, whole};
use crate::experiments::{Given, Plan};
use crate::record::Part;
use crate::sampling::program::{Program, programs};
use crate::sampling::recorder::Recorder;
use crate::{Error, Result};
use sandlab_runtime::BackendKind;
use sandlab_runtime::messaging::Placement;
use std::time::Duration;

/// The length and order of the attacks, and the agents beside them.
#[derive(Debug, clap::Args)]
#[command(mut_arg("seed", |seed| seed.help(SEED)))]
pub struct Parameters {
    /// Length of the attacks; the quiet before and after takes half as long again.
    #[arg(long, default_value = "10s", value_parser = duration)]
    duration: Duration,
    /// The good agents: a built agent, the folder of a bundle or crate, or a component or core
    /// module. They get their own messages, whose replies are checked. [default: agents that echo]
    #[arg(long, value_name = "AGENT|BUNDLE|FILE.wasm")]
    neighbours: Option<String>,
    #[command(flatten)]
    messages: Messages,
    /// Good agents at work beside them.
    #[arg(long, default_value_t = 16, value_parser = whole::<u8>(1..=64))]
    agents: u8,
    /// Messages per second to the good agents.
    #[arg(long, default_value = "2_000", value_parser = rate)]
    rate: f64,
    /// Threads that good agents live on.
    #[arg(long, default_value_t = 2, value_parser = whole::<u8>(1..=252))]
    shards: u8,
    /// Run hostile agents on the same threads as good ones, instead of in quarantine.
    #[arg(long)]
    together: bool,
}

/// The help of `--seed`, which also orders the attacks.
const SEED: &str =
    "What gives the order of the attacks, and generated messages: the same one gives the same";

impl Parameters {
    pub(super) fn plan<'a>(&self, given: &Given) -> Result<Plan<'a>> {
        let stress = Stress {
            duration: self.duration,
            seed: self.messages.seed(),
            agents: u32::from(self.agents),
            rate: self.rate,
            shards: usize::from(self.shards),
            placement: match self.together {
                true => Placement::Shards,
                false => Placement::Quarantine,
            },
        };
        let (mut subjects, mut neighbours) = (Vec::new(), None);
        if let Some(name) = &self.neighbours {
            let subject = self.messages.find(name, given)?;
            if subject.native.is_some() {
                return Err(Error::Usage(
                    "torture's neighbours are in the sandbox: leave `--native` out".to_owned(),
                ));
            }
            let (traffic, config) = self.messages.traffic(&subject, None)?;
            let mut sandbox = given.sandbox.clone();
            sandbox.allocation.keep_resident = KEEP_RESIDENT;
            let agents = usize::from(self.agents);
            let loaded =
                programs(&subject, &[BackendKind::Wasm], agents, &sandbox, &traffic, &config)?;
            neighbours = loaded.into_iter().next();
            subjects.push(subject);
        } else if self.messages.are_chosen() {
            return Err(Error::Usage(
                "the messages are for `--neighbours`, and without it good agents echo".to_owned(),
            ));
        }
        let step = move |to: &mut dyn Recorder| {
            let neighbours = neighbours.as_ref();
            to.part(part(&stress, neighbours))?;
            if let Some(neighbours) = neighbours {
                neighbours.notes.iter().try_for_each(|note| to.note(note))?;
            }
            let report = torture(&stress, neighbours, &|| to.stopped())?;
            to.found(&Found::Stress(Box::new(report)))
        };
        Ok(Plan {
            name: "torture".to_owned(),
            subjects,
            settings: None,
            parts: 1,
            // Attacks strike once before, and once more after.
            expected: Some(self.duration + self.duration / 4),
            judges: true,
            samples_stacks: false,
            steps: vec![Box::new(step)],
        })
    }
}

/// Returns the part of a run, named after the attacks, or after the neighbours that the user named.
fn part(stress: &Stress, neighbours: Option<&Program>) -> Part {
    let agents = stress.agents as usize;
    if let Some(neighbours) = neighbours {
        return neighbours.part("torture", agents, Some(stress.rate), stress.shards);
    }
    Part {
        backend: Some(BackendKind::Wasm),
        agents,
        rate: Some(stress.rate),
        shards: stress.shards,
        ..Part::new("torture", "hostile guests")
    }
}
