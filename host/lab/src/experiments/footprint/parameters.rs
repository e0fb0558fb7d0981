//! `sandlab footprint`

use super::run::{Settled, run};
use crate::Result;
use crate::experiments::flamegraph::Inside;
use crate::experiments::options::{Load, Loading, agents, duration, rate};
use crate::experiments::{Given, Plan};
use crate::record::RoundSettings;
use crate::sampling::counted;
use crate::sampling::probe::ProbeRequest;
use sandlab_runtime::BackendKind;
use std::time::Duration;

/// The subject, the number of agents, and the rate and length of the measurement.
#[derive(Debug, clap::Args)]
pub struct Parameters {
    /// A built agent, the folder of a bundle or crate, or a component or core module.
    #[arg(value_name = "AGENT|BUNDLE|FILE.wasm", default_value = "echo")]
    subject: String,
    /// The number of agents; each figure of one agent is its share of all.
    #[arg(long, default_value_t = 100, value_parser = agents())]
    agents: u32,
    /// Messages per second, to all of them together, for the CPU at a rate.
    #[arg(long, default_value = "10_000", value_parser = rate)]
    rate: f64,
    /// Time at that rate, and time without messages.
    #[arg(long, default_value = "2s", value_parser = duration)]
    duration: Duration,
    /// Also sample where the time goes inside the guest: its hottest functions, and a flamegraph in
    /// the HTML report.
    #[arg(long)]
    guest: bool,
    #[command(flatten)]
    loading: Loading,
}

impl Parameters {
    pub(super) fn plan<'a>(&'a self, given: &Given) -> Result<Plan<'a>> {
        counted::hand_over("the host's heap is not measured", given.say)?;
        let settled = Settled {
            agents: self.agents as usize,
            rate: self.rate,
            duration: self.duration,
            shards: self.loading.shards(),
        };
        let load = Load {
            name: "footprint",
            subject: &self.subject,
            backends: &BackendKind::ALL,
            agents: self.agents as usize + 1,
            parts: 1,
            each: self.duration * 2,
            sends: true,
            sizes: &[],
            at: None,
            workers: None,
        };
        let mut plan = self.loading.plan(&load, given, move |program, to| {
            let probe = ProbeRequest::of_program(program)?;
            run(program, &probe, &settled, to)
        })?;
        plan.samples_stacks = self.guest;
        for subject in plan.subjects.clone().into_iter().filter(|_| self.guest) {
            let cases = self.loading.cases(&subject)?;
            let (settings, sandbox) = (RoundSettings::default(), given.sandbox.clone());
            plan.parts += cases.len();
            let inside = Inside { subject, cases, settings, sandbox, beside_twin: false };
            plan.steps.push(inside.step());
        }
        Ok(plan)
    }
}
