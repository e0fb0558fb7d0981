//! `sandlab latency`

use super::max_rate::{Search, max_rate};
use crate::Result;
use crate::experiments::options::{
    At, Deadline, Load, Loading, Workers, agents, any_duration, duration, rate, size, wait,
};
use crate::experiments::{Given, Plan};
use crate::sampling::steady::{Steady, steady};
use sandlab_runtime::BackendKind;
use std::time::Duration;

/// The rate, or how to search for the highest one.
#[derive(Debug, clap::Args)]
pub struct Parameters {
    /// A built agent, the folder of a bundle or crate, or a component or core module.
    #[arg(
        value_name = "AGENT|BUNDLE|FILE.wasm",
        default_value = "echo",
        conflicts_with = "target"
    )]
    subject: String,
    /// Messages per second that are due, whether or not earlier ones were answered.
    #[arg(long, default_value = "10_000", value_parser = rate, conflicts_with = "max_rate")]
    rate: f64,
    /// The number of agents, which get the messages in turn.
    #[arg(long, default_value_t = 10, value_parser = agents())]
    agents: u32,
    /// The content of each message that sandlab generates, bytes. [default: 1024]
    #[arg(long, value_parser = size())]
    size: Option<u32>,
    /// Length of the measurement
    #[arg(long, default_value = "10s", value_parser = duration, conflicts_with = "max_rate")]
    duration: Duration,
    /// Time before the measurement in which the rate grows to its full value.
    #[arg(long, default_value = "1s", value_parser = any_duration, conflicts_with = "max_rate")]
    ramp_up: Duration,
    /// Search for the highest rate that the path bears, instead.
    #[arg(long, conflicts_with = "workers")]
    max_rate: bool,
    /// With `--max-rate`: the 99th percentile that may not be passed.
    #[arg(long, default_value = "10ms", value_parser = wait, requires = "max_rate")]
    p99: Duration,
    /// With `--max-rate`: length of each step.
    #[arg(long, default_value = "2s", value_parser = duration, requires = "max_rate")]
    step: Duration,
    #[command(flatten)]
    deadline: Deadline,
    #[command(flatten)]
    loading: Loading,
    #[command(flatten)]
    at: At,
    #[command(flatten)]
    workers: Workers,
}

impl Parameters {
    pub(super) fn plan<'a>(&'a self, given: &Given) -> Result<Plan<'a>> {
        let name = if self.max_rate { "max-rate" } else { "latency" };
        let agents = self.agents as usize;
        let shards = self.loading.shards();
        let load = Load {
            name,
            subject: &self.subject,
            backends: &BackendKind::ALL,
            agents,
            parts: 1,
            // How many steps a search takes, it finds out itself.
            each: if self.max_rate { Duration::ZERO } else { self.ramp_up + self.duration },
            sends: true,
            sizes: self.size.as_slice(),
            at: Some(&self.at),
            workers: Some(&self.workers),
        };
        let (deadline, otherwise) = (self.deadline, given.deadline);
        if self.max_rate {
            let search = Search { agents, p99: self.p99, step: self.step, shards };
            return self.loading.plan(&load, given, move |program, to| {
                max_rate(&deadline.of(program, otherwise), &search, to)
            });
        }
        let one = Steady {
            kind: name,
            agents,
            rate: self.rate,
            duration: self.duration,
            ramp_up: self.ramp_up,
            shards,
        };
        self.loading.plan(&load, given, move |program, to| {
            steady(&deadline.of(program, otherwise), &one, to)
        })
    }
}
