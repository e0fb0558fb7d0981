//! `sandlab throughput`

use super::run::throughput;
use crate::Result;
use crate::experiments::options::{Load, Loading, Strategies, config, duration};
use crate::experiments::{Given, Plan};
use crate::record::{Clients, ClosedLoop, Mode};
use sandlab_runtime::BackendKind;
use std::time::Duration;

/// How agents are loaded: every combination of what is given more than once.
#[derive(Debug, clap::Args)]
pub struct Parameters {
    /// The agent that all are; it must answer with the content. [default: echo, or where
    /// zero-copy is among the strategies, relay, which is then told to answer]
    #[arg(value_name = "AGENT|BUNDLE")]
    subject: Option<String>,
    #[command(flatten)]
    strategy: Strategies,
    /// How many agents, one number or more.
    #[arg(long, value_delimiter = ',', default_value = "10", value_parser = clap::value_parser!(u32).range(1..))]
    agents: Vec<u32>,
    /// The messages' sizes, bytes.
    #[arg(long, value_delimiter = ',', default_value = "1024", value_parser = clap::value_parser!(u32).range(8..))]
    size: Vec<u32>,
    /// Whether replies are awaited, and whose.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "ask")]
    mode: Vec<Mode>,
    /// Messages in flight on each connection.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    depth: u32,
    /// With `--mode task`: how many are given to the pool at once.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..))]
    tasks: u32,
    /// Connections.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    connections: u32,
    /// Where the connections' work is done.
    #[arg(long, value_enum, default_value = "threads")]
    clients: Clients,
    /// How long to measure each row, after a tenth as long to warm up.
    #[arg(long, default_value = "2s", value_parser = duration)]
    duration: Duration,
    #[command(flatten)]
    loading: Loading,
}

impl Parameters {
    pub(super) fn plan<'a>(&'a self, given: &Given) -> Result<Plan<'a>> {
        let agent = self.subject.as_deref().unwrap_or(self.strategy.agent());
        let loads = self.loads(config(agent));
        let load = Load {
            name: "throughput",
            subject: agent,
            backends: &BackendKind::ALL,
            agents: loads.iter().map(|load| load.agents).max().unwrap_or(1),
            parts: loads.len(),
        };
        let shards = self.loading.all_shards();
        self.loading.plan(&load, given, move |program, to| {
            for load in &loads {
                if to.stopped() {
                    break;
                }
                throughput(program, load, shards, to)?;
            }
            Ok(())
        })
    }

    /// Returns every combination that was asked for.
    fn loads(&self, config: Option<&'static str>) -> Vec<ClosedLoop> {
        let mut loads = Vec::new();
        for mode in self.mode.iter().copied() {
            let (connections, depth) = match mode {
                Mode::Task => (1, self.tasks),
                Mode::Ask | Mode::Tell => (self.connections, self.depth),
            };
            for size in &self.size {
                for agents in &self.agents {
                    let strategies = self.strategy.all().into_iter();
                    loads.extend(strategies.map(|strategy| ClosedLoop {
                        agents: *agents as usize,
                        config,
                        strategy,
                        size: *size as usize,
                        depth,
                        connections: connections as usize,
                        clients: self.clients,
                        mode,
                        duration: self.duration,
                    }));
                }
            }
        }
        loads
    }
}
