//! One agent in one version: its instances, and how it is reached.

use super::counters::Counters;
use super::{LOOK, ServeError};
use crate::load::Program;
use crate::snapshot::AgentFigures;
use sandlab_runtime::AgentId;
use sandlab_runtime::messaging::{Pool, Residence, Runtime, SpawnError};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::Instant;

pub struct Served {
    pub program: Program,
    pub pool: Pool,
    pub counters: Arc<Counters>,
    /// The last known figures of each instance, in the pool's order.
    known: Vec<Known>,
}

/// The figures of an instance that are kept while it is in a call.
#[derive(Default)]
struct Known {
    /// Restarts that its agent's counters have.
    restarts: AtomicU64,
    memory: AtomicU64,
}

impl Served {
    /// Starts the instances. None has a name yet.
    pub fn start(
        runtime: &Runtime,
        name: &str,
        program: &Program,
        counters: Arc<Counters>,
    ) -> Result<Self, ServeError> {
        let failed = |source| ServeError::Agent { name: name.to_owned(), source };
        let count = program.agent.instances.get() as usize;
        let started = runtime.spawn_many(&program.subject.backend, &program.agent.options(), count);
        let agents = started.map_err(failed)?;
        // At least one was asked for.
        let pool = Pool::of(agents, program.agent.routing).ok_or(failed(SpawnError::ShutDown))?;
        let known = (0..count).map(|_| Known::default()).collect();
        Ok(Self { program: program.clone(), pool, counters, known })
    }

    /// Returns the instance that other agents find by the agent's name.
    pub fn first(&self) -> Option<AgentId> {
        self.pool.agents().next()
    }

    /// Returns the figures, with the runtime's figures of the instances.
    pub fn figures(&self, alive: &HashMap<AgentId, Residence>) -> AgentFigures {
        let mut figures = self.counters.figures();
        figures.wanted = self.known.len() as u64;
        for (agent, known) in self.pool.agents().zip(&self.known) {
            if let Some(residence) = alive.get(&agent) {
                let before = known.restarts.fetch_max(residence.restarts, Relaxed);
                self.counters.restarted(residence.restarts.saturating_sub(before));
                if let Some(memory) = residence.usage.memory {
                    known.memory.store(memory, Relaxed);
                }
                figures.instances += 1;
                figures.queued += residence.queued + residence.calling;
                figures.linear_memory += known.memory.load(Relaxed);
                figures.fuel = figures
                    .fuel
                    .into_iter()
                    .chain(residence.usage.fuel)
                    .reduce(u64::saturating_add);
            }
        }
        figures.restarts = self.counters.restarts();
        figures
    }

    /// Stops the instances as soon as they have no messages left, at the latest at `until`. Returns
    /// `false` if messages were left.
    pub fn retire(self: Arc<Self>, runtime: &Runtime, until: Instant) -> bool {
        let is_idle = loop {
            // First, or a sender that still has it could send after the look at the instances.
            let has_senders = Arc::strong_count(&self) > 1;
            // In any case, for restarts that nobody has seen yet.
            let is_idle = self.is_idle(runtime) && !has_senders;
            if is_idle || Instant::now() >= until {
                break is_idle;
            }
            thread::sleep(LOOK);
        };
        self.stop(runtime);
        is_idle
    }

    fn is_idle(&self, runtime: &Runtime) -> bool {
        let alive: HashMap<_, _> = super::alive(&runtime.wait_for_roster()).collect();
        self.figures(&alive).queued == 0
    }

    /// Stops the instances at once.
    pub fn stop(&self, runtime: &Runtime) {
        for agent in self.pool.agents() {
            runtime.stop(agent);
        }
    }
}
