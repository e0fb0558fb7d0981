//! `sandlab throughput`

use super::run::throughput;
use crate::experiments::options::{At, Load, Loading, Strategies, agents, count, duration, size};
use crate::experiments::{Given, Plan};
use crate::record::{Clients, ClosedLoop, Mode};
use crate::{Error, Result};
use bytesize::ByteSize;
use sandlab_runtime::BackendKind;
use std::time::Duration;

/// The most content of messages that may be in flight at once, bytes: more would measure how
/// the machine runs out of memory.
const IN_FLIGHT: u64 = 4 << 30;

/// The load: every combination of the options that are given more than once.
#[derive(Debug, clap::Args)]
pub struct Parameters {
    /// A built agent, the folder of a bundle or crate, or a component or core module. [default:
    /// echo, or relay, configured to answer, where zero-copy is among the strategies]
    #[arg(value_name = "AGENT|BUNDLE|FILE.wasm", conflicts_with = "target")]
    subject: Option<String>,
    #[command(flatten)]
    strategy: Strategies,
    /// Numbers of agents, one or more.
    #[arg(long, value_delimiter = ',', default_value = "10", value_parser = agents())]
    agents: Vec<u32>,
    /// The sizes of the messages that sandlab generates, bytes. [default: 1024]
    #[arg(long, value_delimiter = ',', value_parser = size())]
    size: Vec<u32>,
    /// Kinds of messages: with replies, without, or as tasks of a pool.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "ask")]
    mode: Vec<Mode>,
    /// Messages in flight on each connection.
    #[arg(long, default_value_t = 64, value_parser = count())]
    depth: u32,
    /// With `--mode task`: number of tasks that the pool is given at once.
    #[arg(long, default_value_t = 1_000, value_parser = count())]
    tasks: u32,
    /// Connections.
    #[arg(long, default_value_t = 1, value_parser = count())]
    connections: u32,
    /// Threads that the connections run on.
    #[arg(long, value_enum, default_value = "threads")]
    clients: Clients,
    /// Length of each row's measurement, after a tenth as long to warm up.
    #[arg(long, default_value = "2s", value_parser = duration)]
    duration: Duration,
    #[command(flatten)]
    loading: Loading,
    #[command(flatten)]
    at: At,
}

impl Parameters {
    pub(super) fn plan<'a>(&'a self, given: &Given) -> Result<Plan<'a>> {
        let agent = self.subject.as_deref().unwrap_or(self.strategy.agent());
        let loads = self.loads();
        require_room(&loads, self.size.iter().max().map_or(1_024, |size| u64::from(*size)))?;
        let load = Load {
            name: "throughput",
            subject: agent,
            backends: &BackendKind::ALL,
            agents: loads.iter().map(|load| load.agents).max().unwrap_or(1),
            parts: loads.len(),
            each: self.duration + self.duration / 10,
            sends: true,
            sizes: &self.size,
            at: Some(&self.at),
            workers: None,
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

    /// Returns every combination that was asked for, but for the sizes.
    fn loads(&self) -> Vec<ClosedLoop> {
        let mut loads = Vec::new();
        for mode in self.mode.iter().copied() {
            let (connections, depth) = match mode {
                Mode::Task => (1, self.tasks),
                Mode::Ask | Mode::Tell => (self.connections, self.depth),
            };
            for agents in &self.agents {
                let strategies = self.strategy.all().into_iter();
                loads.extend(strategies.map(|strategy| ClosedLoop {
                    agents: *agents as usize,
                    strategy,
                    // As the traffic has it.
                    size: 0,
                    depth,
                    connections: connections as usize,
                    clients: self.clients,
                    mode,
                    duration: self.duration,
                }));
            }
        }
        loads
    }
}

fn require_room(loads: &[ClosedLoop], size: u64) -> Result<()> {
    let bytes = |load: &ClosedLoop| size * load.connections as u64 * u64::from(load.depth);
    match loads.iter().map(bytes).max() {
        Some(most) if most > IN_FLIGHT => Err(Error::Usage(format!(
            "{} of messages would be in flight at once, and at most {} may be: lower --size, \
             --depth, --tasks or --connections",
            ByteSize::b(most).display().iec(),
            ByteSize::b(IN_FLIGHT).display().iec(),
        ))),
        _ => Ok(()),
    }
}
