//! `sandlab recovery`

use super::run::{Faulting, Trap, recovery};
use crate::Result;
use crate::experiments::options::{Deadline, Load, Loading, agents, any_duration, duration, rate};
use crate::experiments::{Given, Plan};
use sandlab_runtime::BackendKind;
use std::time::Duration;

/// The fault, its rate, and the load on the agents.
#[derive(Debug, clap::Args)]
pub struct Parameters {
    /// The agent; it must fault when told to, as `faulty` does.
    #[arg(value_name = "AGENT|BUNDLE", default_value = "faulty")]
    subject: String,
    /// Fault that the agents commit
    #[arg(long, value_enum, default_value = "panic")]
    fault: Trap,
    /// Faults per second, for half of the time.
    #[arg(long, default_value = "8", value_parser = rate)]
    fault_rate: f64,
    /// The number of agents, which get the messages and the faults in turn.
    #[arg(long, default_value_t = 100, value_parser = agents())]
    agents: u32,
    /// Messages per second that are due.
    #[arg(long, default_value = "10_000", value_parser = rate)]
    rate: f64,
    /// Length of the measurement, in quarters: without faults, with, with, without.
    #[arg(long, default_value = "20s", value_parser = duration)]
    duration: Duration,
    /// Time before the measurement in which the rate grows to its full value.
    #[arg(long, default_value = "1s", value_parser = any_duration)]
    ramp_up: Duration,
    #[command(flatten)]
    deadline: Deadline,
    #[command(flatten)]
    loading: Loading,
}

impl Parameters {
    pub(super) fn plan<'a>(&'a self, given: &Given) -> Result<Plan<'a>> {
        let faulting = Faulting {
            agents: self.agents as usize,
            rate: self.rate,
            faults: self.fault_rate,
            trap: self.fault,
            duration: self.duration,
            ramp_up: self.ramp_up,
            shards: self.loading.shards(),
        };
        faulting.require_faults()?;
        let load = Load {
            name: "recovery",
            subject: &self.subject,
            backends: &BackendKind::ALL,
            agents: self.agents as usize,
            parts: 1,
            each: self.ramp_up + self.duration,
            sends: true,
            sizes: &[],
            at: None,
            workers: None,
        };
        let (deadline, otherwise) = (self.deadline, given.deadline);
        self.loading.plan(&load, given, move |program, to| {
            recovery(&deadline.of(program, otherwise), &faulting, to)
        })
    }
}
