//! What more agents cost: to start them, in memory, and in throughput.

use crate::Result;
use crate::experiments::load::Program;
use crate::experiments::record::{Experiment, Finding, Part, Recorder};
use crate::record::Entry;
use crate::sampling::closed_loop::{Clients, Load, Mode, intervals_of};
use crate::sampling::open_loop::Go;
use crate::sampling::process_memory::resident;
use sandlab_runtime::messaging::Strategy;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// One number of agents.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    /// How many.
    pub agents: usize,
    /// The content of each message, bytes; at least 8.
    pub size: usize,
    /// How long to measure throughput.
    pub duration: Duration,
    /// Threads that the agents live on, and the clients' work.
    pub shards: usize,
}

/// What so many agents cost.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Footprint {
    /// To start all of them, one after another, seconds.
    pub spawned_in: f64,
    /// What became resident while they were started, and got their first messages, bytes;
    /// of child processes nothing. None where the kernel does not say.
    pub resident: Option<u64>,
    /// Linear memory of all, bytes.
    pub linear_memory: u64,
}

/// Messages in flight on each of the connections, one a shard, but never more than there
/// are agents.
const DEPTH: usize = 64;

/// Starts them, and loads them as fast as they go.
///
/// # Errors
/// If an agent does not start or echoes something else, or a message is lost.
pub fn scale(program: &Program, scale: &Scale, to: &mut dyn Recorder) -> Result<()> {
    let connections = scale.shards.min(scale.agents);
    let load = Load {
        agents: scale.agents,
        size: scale.size,
        depth: (scale.agents / connections).clamp(1, DEPTH) as u32,
        connections,
        clients: Clients::Shards,
        mode: Mode::Ask,
        config: None,
        strategy: Strategy::ByValue,
        duration: scale.duration,
    };
    let part = program.part(
        Experiment::Scale,
        scale.agents,
        scale.size,
        None,
        scale.shards,
    );
    to.record(Entry::Part(Part {
        closed: Some(load),
        ..part
    }))?;
    if let Some(why) = program.refuses(scale.agents) {
        return to.finding(Finding::Unavailable { why });
    }
    let before = resident();
    let fleet = program.fleet(scale.agents, scale.shards)?;
    intervals_of(&fleet, &load, |interval| {
        to.finding(Finding::Closed(*interval))?;
        Ok(if to.stopped() { Go::Stop } else { Go::On })
    })?;
    fleet.drain()?;
    let resident = resident()
        .zip(before)
        .map(|(after, before)| after.saturating_sub(before));
    to.finding(Finding::Footprint(Footprint {
        spawned_in: fleet.spawned_in.as_secs_f64(),
        resident,
        linear_memory: fleet.runtime.census().linear_memory,
    }))?;
    to.accounts(&fleet)
}
