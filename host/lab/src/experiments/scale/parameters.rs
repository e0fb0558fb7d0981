//! `sandlab scale`

use super::run::{Stage, scale};
use crate::Result;
use crate::experiments::options::{Load, Loading, agents, duration, size};
use crate::experiments::{Given, Plan};
use sandlab_runtime::BackendKind;
use std::time::Duration;

/// The numbers of agents, and how they are loaded.
#[derive(Debug, clap::Args)]
pub struct Parameters {
    /// A built agent, the folder of a bundle or crate, or a component or core module.
    #[arg(value_name = "AGENT|BUNDLE|FILE.wasm", default_value = "echo")]
    subject: String,
    /// Numbers of agents, one after another.
    #[arg(long, value_delimiter = ',', default_value = "1,10,100,1000,10000", value_parser = agents())]
    agents: Vec<u32>,
    /// The content of each message that sandlab generates, bytes. [default: 1024]
    #[arg(long, value_parser = size())]
    size: Option<u32>,
    /// Length of the throughput measurement with each number.
    #[arg(long, default_value = "2s", value_parser = duration)]
    duration: Duration,
    #[command(flatten)]
    loading: Loading,
}

impl Parameters {
    pub(super) fn plan<'a>(&'a self, given: &Given) -> Result<Plan<'a>> {
        let most = self.agents.iter().copied().max().unwrap_or(1);
        let load = Load {
            name: "scale",
            subject: &self.subject,
            backends: &BackendKind::ALL,
            agents: most as usize,
            parts: self.agents.len(),
            each: self.duration,
            sends: true,
            sizes: self.size.as_slice(),
            at: None,
            workers: None,
        };
        let shards = self.loading.all_shards();
        self.loading.plan(&load, given, move |program, to| {
            for agents in &self.agents {
                if to.stopped() {
                    break;
                }
                let stage = Stage { agents: *agents as usize, duration: self.duration, shards };
                scale(program, &stage, to)?;
            }
            Ok(())
        })
    }
}
