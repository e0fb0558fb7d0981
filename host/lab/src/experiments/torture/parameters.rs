//! `sandlab torture`

use super::{Found, Stress, torture};
use crate::experiments::Plan;
use crate::experiments::options::{duration, rate};
use crate::record::Part;
use crate::sampling::recorder::Recorder;
use sandlab_runtime::BackendKind;
use sandlab_runtime::messaging::Placement;
use std::time::Duration;

/// How long, in which order, and beside whom attacks strike.
#[derive(Debug, clap::Args)]
pub struct Parameters {
    /// How long attacks go on; what is quiet before and after takes half of that again.
    #[arg(long, default_value = "10s", value_parser = duration)]
    duration: Duration,
    /// What gives the order of the attacks: the same one gives the same.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Good agents at work beside them.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u8).range(1..=64))]
    agents: u8,
    /// Messages per second to the good agents.
    #[arg(long, default_value = "2_000", value_parser = rate)]
    rate: f64,
    /// Threads that good agents live on.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..253))]
    shards: u8,
    /// Let hostile agents live on the same threads as good ones, instead of in quarantine.
    #[arg(long)]
    together: bool,
}

impl Parameters {
    pub(super) fn plan<'a>(&self) -> Plan<'a> {
        let stress = Stress {
            duration: self.duration,
            seed: self.seed,
            agents: u32::from(self.agents),
            rate: self.rate,
            shards: usize::from(self.shards),
            placement: match self.together {
                true => Placement::Shards,
                false => Placement::Quarantine,
            },
        };
        let step = move |to: &mut dyn Recorder| {
            to.part(Part {
                backend: Some(BackendKind::Wasm),
                agents: stress.agents as usize,
                rate: Some(stress.rate),
                shards: stress.shards,
                ..Part::new("torture", "hostile guests")
            })?;
            let report = torture(&stress, &|| to.stopped())?;
            to.found(&Found::Stress(Box::new(report)))
        };
        Plan {
            name: "torture".to_owned(),
            subjects: Vec::new(),
            settings: None,
            parts: 1,
            judges: true,
            steps: vec![Box::new(step)],
        }
    }
}
