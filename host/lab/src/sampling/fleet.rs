//! Many agents of one kind, ready for messages.

use crate::{Error, Result};
use sandlab_runtime::messaging::{AgentOptions, Runtime, Settings};
use sandlab_runtime::{AgentId, Backend};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Agents on the shards of a runtime, with nobody else there.
pub struct Fleet {
    /// What they live in.
    pub runtime: Runtime,
    /// All of them.
    pub agents: Vec<AgentId>,
    /// How long it took to start them, each shard its share.
    pub spawned_in: Duration,
}

impl Fleet {
    /// Starts so many agents, spread over all shards.
    ///
    /// # Errors
    /// If a shard or an agent does not start.
    pub fn start(
        backend: &Arc<dyn Backend>,
        count: usize,
        settings: Settings,
        options: &AgentOptions,
    ) -> Result<Self> {
        let runtime = start_runtime(settings)?;
        let start = Instant::now();
        let agents = runtime.spawn_many(backend, options, count)?;
        Ok(Self { runtime, agents, spawned_in: start.elapsed() })
    }

    /// Waits until nothing is on its way.
    ///
    /// # Errors
    /// If something still is after half a minute, or was not accounted for.
    pub fn drain(&self) -> Result<()> {
        let accounts = self.runtime.quiesce(Instant::now() + Duration::from_secs(30));
        if accounts.queued == 0 && accounts.is_balanced() {
            return Ok(());
        }
        Err(Error::Path(format!(
            "messages are missing when nothing should move any more: {accounts}"
        )))
    }
}

/// Starts the runtime that agents live in.
///
/// # Errors
/// If a shard does not start.
pub fn start_runtime(settings: Settings) -> Result<Runtime> {
    Runtime::start(settings)
        .map_err(|error| Error::Machine(format!("cannot start the shards: {error}")))
}

/// Shards that leave the generator a core of its own: all but one, and at least one.
pub fn beside_generator() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    cores.saturating_sub(1).max(1)
}
