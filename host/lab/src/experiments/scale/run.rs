//! Starts a number of agents, and loads them as fast as they go.

use super::found::{Cost, Found};
use crate::Result;
use crate::record::{Clients, ClosedLoop, Mode, Part};
use crate::sampling::process_memory::resident;
use crate::sampling::program::Program;
use crate::sampling::recorder::Recorder;
use crate::sampling::repeating::closed_loop;
use sandlab_runtime::messaging::Strategy;
use std::time::Duration;

/// One number of agents.
#[derive(Debug, Clone, Copy)]
pub struct Stage {
    /// Agents that live at once.
    pub agents: usize,
    /// The time over which throughput is measured.
    pub duration: Duration,
    /// Threads that the agents live on, and the clients' work.
    pub shards: usize,
}

/// Messages in flight on each of the connections, one per shard, but never more than there
/// are agents.
const DEPTH: usize = 64;

/// Starts them, and loads them as fast as they go.
///
/// # Errors
/// If an agent does not start or replies something else, or a message is lost.
pub fn scale(program: &Program, stage: &Stage, to: &mut dyn Recorder) -> Result<()> {
    let Stage { agents, shards, .. } = *stage;
    let connections = shards.min(agents);
    let load = ClosedLoop {
        agents,
        size: program.bytes(),
        depth: (agents / connections).clamp(1, DEPTH) as u32,
        connections,
        clients: Clients::Shards,
        mode: Mode::Ask,
        strategy: Strategy::ByValue,
        duration: stage.duration,
    };
    to.part(Part { closed: Some(load), ..program.part("scale", agents, None, shards) })?;
    if let Some(why) = program.refuses(agents) {
        return to.unavailable(why);
    }
    let before = resident();
    let fleet = program.fleet(agents, shards)?;
    let name = program.part("scale", agents, None, shards).name();
    closed_loop(&fleet, &program.traffic, &load, &name, to)?;
    let grown = resident().zip(before);
    to.found(&Found::Cost(Cost {
        spawned_in: fleet.spawned_in.as_secs_f64(),
        resident: grown.map(|(after, before)| after.saturating_sub(before)),
        linear_memory: fleet.runtime.census().linear_memory,
    }))?;
    to.accounts(&fleet)
}
