//! Many agents of one kind, ready for messages.

use crate::{Error, Result};
use sandlab_runtime::messaging::{AgentOptions, Runtime, Settings};
use sandlab_runtime::{
    Agent, AgentId, Backend, BackendKind, CallError, Fault, Handled, Identity, Message,
};
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::{Duration, Instant};

/// Agents on the shards of a runtime, with nobody else there.
pub struct Fleet {
    /// The runtime that the agents live in.
    pub runtime: Runtime,
    /// All of them.
    pub agents: Vec<AgentId>,
    /// Messages of its series that each agent was sent, in the order of `agents`.
    pub places: Arc<[AtomicU32]>,
    /// The time that it took to start them, each shard its share.
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
        Self::with_peers(backend, count, settings, options, &[])
    }

    /// Starts a fleet as [`start`](Self::start) does, beside peers with these names, which take
    /// what they are sent and do nothing.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn with_peers(
        backend: &Arc<dyn Backend>,
        count: usize,
        settings: Settings,
        options: &AgentOptions,
        peers: &[String],
    ) -> Result<Self> {
        let runtime = start_runtime(settings)?;
        for peer in peers {
            runtime.spawn(Some(peer), Arc::new(Silent), AgentOptions::default())?;
        }
        let start = Instant::now();
        let agents = runtime.spawn_many(backend, options, count)?;
        let places = agents.iter().map(|_| AtomicU32::new(0)).collect();
        Ok(Self { runtime, agents, places, spawned_in: start.elapsed() })
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

/// An agent that takes every message, and does nothing.
struct Silent;

impl Backend for Silent {
    fn kind(&self) -> BackendKind {
        BackendKind::Native
    }

    fn spawn(&self, _identity: Identity) -> Result<Box<dyn Agent>, Fault> {
        Ok(Box::new(Self))
    }
}

impl Agent for Silent {
    fn configure(&mut self, _config: &[u8]) -> Result<Vec<Message>, CallError> {
        Ok(Vec::new())
    }

    fn handle(&mut self, _message: &Message) -> Result<Handled, CallError> {
        Ok(Handled::default())
    }
}

/// Starts the runtime that agents live in.
///
/// # Errors
/// If a shard does not start.
pub fn start_runtime(settings: Settings) -> Result<Runtime> {
    Runtime::start(settings).map_err(|error| Error::not_started("the shards", &error))
}

/// Returns the number of shards that leave the generator a core of its own: all but one, and at
/// least one.
pub fn beside_generator() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    cores.saturating_sub(1).max(1)
}
