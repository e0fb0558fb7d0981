//! `sandlab idle`

use super::run::run;
use crate::Result;
use crate::experiments::options::{Load, Loading, agents, duration};
use crate::experiments::{Given, Plan};
use sandlab_runtime::BackendKind;
use std::time::Duration;

/// The idle agents, their numbers, and the time of each.
#[derive(Debug, clap::Args)]
pub struct Parameters {
    /// A built agent, the folder of a bundle or crate, or a component or core module.
    #[arg(value_name = "AGENT|BUNDLE|FILE.wasm", default_value = "echo")]
    subject: String,
    /// Numbers of agents, one after another.
    #[arg(long, value_delimiter = ',', default_value = "1,100,1000", value_parser = agents())]
    agents: Vec<u32>,
    /// Time for each number of agents.
    #[arg(long, default_value = "2s", value_parser = duration)]
    duration: Duration,
    #[command(flatten)]
    loading: Loading,
}

impl Parameters {
    pub(super) fn plan<'a>(&'a self, given: &Given) -> Result<Plan<'a>> {
        let load = Load {
            name: "idle",
            subject: &self.subject,
            backends: &[BackendKind::Wasm, BackendKind::Native],
            agents: self.agents.iter().copied().max().unwrap_or(1) as usize,
            parts: self.agents.len(),
            each: self.duration,
            sends: false,
            sizes: &[],
            at: None,
            workers: None,
        };
        let shards = self.loading.all_shards();
        self.loading.plan(&load, given, move |program, to| {
            self.agents
                .iter()
                .try_for_each(|agents| run(program, *agents as usize, shards, self.duration, to))
        })
    }
}
