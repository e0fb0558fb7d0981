//! `sandlab throughput`

use super::loading::{Loading, Plan, duration};
use super::strategy;
use crate::Result;
use crate::experiments::load::closed;
use crate::experiments::record::Recorder;
use crate::sampling::closed_loop::{Clients, Load, Mode};
use sandlab_runtime::BackendKind;
use std::time::Duration;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The agent that all are; it must answer with the content. [default: echo, or where
    /// zero-copy is among the strategies, relay, which is then told to answer]
    #[arg(value_name = "AGENT|BUNDLE")]
    subject: Option<String>,
    #[command(flatten)]
    strategy: strategy::Args,
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

pub fn execute(args: &Args) -> Result<()> {
    let named = args.subject.as_deref();
    let agent = named.unwrap_or(args.strategy.agent());
    let loads = loads(args, strategy::config(agent));
    let plan = Plan {
        name: "throughput",
        subject: agent,
        backends: &BackendKind::ALL,
        agents: loads.iter().map(|load| load.agents).max().unwrap_or(1),
        parts: loads.len(),
        judges: true,
    };
    let shards = args.loading.all_shards();
    args.loading.run(&plan, |program, to: &mut dyn Recorder| {
        for load in &loads {
            if to.stopped() {
                break;
            }
            closed(program, load, shards, to)?;
        }
        Ok(())
    })
}

/// Every combination that was asked for.
fn loads(args: &Args, config: Option<&'static str>) -> Vec<Load> {
    let mut loads = Vec::new();
    for mode in args.mode.iter().copied() {
        for size in &args.size {
            for agents in &args.agents {
                for strategy in args.strategy.all() {
                    let (connections, depth) = match mode {
                        Mode::Task => (1, args.tasks),
                        Mode::Ask | Mode::Tell => (args.connections, args.depth),
                    };
                    loads.push(Load {
                        agents: *agents as usize,
                        config,
                        strategy,
                        size: *size as usize,
                        depth,
                        connections: connections as usize,
                        clients: args.clients,
                        mode,
                        duration: args.duration,
                    });
                }
            }
        }
    }
    loads
}
