//! One agent in one version: its instances, and how it is reached.

use super::counters::Counters;
use super::{AskError, LOOK, ServeError, reason};
use crate::load::Program;
use crate::snapshot::AgentFigures;
use sandlab_runtime::messaging::{
    Client, DeliveryError, Draft, Pool, Residence, Runtime, SpawnError,
};
use sandlab_runtime::{AgentId, SendError};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::Instant;

pub struct Served {
    pub program: Program,
    pub pool: Pool,
    pub counters: Arc<Counters>,
    /// Sends the messages that want no reply, apart from all others: its accounts say how those
    /// have ended. Outlives a change of the configuration, as the counters do.
    teller: Client,
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
    /// Starts the instances. None has a name yet. What was counted of the version before goes on.
    pub fn start(
        runtime: &Runtime,
        name: &str,
        program: &Program,
        before: Option<&Self>,
    ) -> Result<Self, ServeError> {
        let failed = |source| ServeError::Agent { name: name.to_owned(), source };
        let count = program.agent.instances.get() as usize;
        let started = runtime.spawn_many(&program.subject.backend, &program.agent.options(), count);
        let agents = started.map_err(failed)?;
        // At least one was asked for.
        let pool = Pool::of(agents, program.agent.routing).ok_or(failed(SpawnError::ShutDown))?;
        let known = (0..count).map(|_| Known::default()).collect();
        let (counters, teller) = match before {
            Some(before) => (before.counters.clone(), before.teller.clone()),
            None => (Arc::default(), runtime.client()),
        };
        Ok(Self { program: program.clone(), pool, counters, teller, known })
    }

    /// Sends a message that wants no reply to an instance, unless that would not take it now.
    pub async fn tell(&self, agent: AgentId, draft: Draft) -> Result<(), AskError> {
        let told = match self.teller.accepts(agent) {
            Ok(()) => self.teller.tell_draft(agent, draft).await,
            Err(SendError::MailboxFull | SendError::OverBudget) => Err(DeliveryError::MailboxFull),
            Err(SendError::UnknownRecipient) => Err(DeliveryError::NoSuchAgent),
        };
        told.map_err(AskError::from).inspect_err(|error| self.counters.failed(error))
    }

    /// Returns how many messages of clients have not ended, of all versions together.
    pub fn waiting(&self) -> u64 {
        self.counters.in_flight() + self.teller.accounts().queued
    }

    /// Returns how many instances are alive, or wait for a restart.
    pub fn instances(&self) -> u64 {
        // Known without asking their threads, which can be busy.
        let lives =
            |agent: &AgentId| self.teller.accepts(*agent) != Err(SendError::UnknownRecipient);
        self.pool.agents().filter(lives).count() as u64
    }

    /// Returns how many instances the configuration asks for.
    pub fn wanted(&self) -> u64 {
        self.known.len() as u64
    }

    /// Returns how many messages wait for the instances that these are of, or are in their calls.
    pub fn queued(&self, alive: &HashMap<AgentId, Residence>) -> u64 {
        let own = self.pool.agents().filter_map(|agent| alive.get(&agent));
        own.map(|residence| residence.queued + residence.calling).sum()
    }

    /// Returns the instance that other agents find by the agent's name.
    pub fn first(&self) -> Option<AgentId> {
        self.pool.agents().next()
    }

    /// Returns the figures, with the runtime's figures of the instances.
    pub fn figures(&self, alive: &HashMap<AgentId, Residence>) -> AgentFigures {
        let mut figures = self.counters.figures();
        (figures.instances, figures.wanted) = (self.instances(), self.wanted());
        figures.queued = self.queued(alive);
        // What an agent took counts as told however it went: nobody wants to know.
        let told = self.teller.accounts();
        figures.told = told.handled + told.failed;
        figures.refused += told.refused;
        let stopped = told.dead_lettered - told.refused;
        if stopped > 0 {
            let reason = reason(&DeliveryError::Stopped.into()).to_owned();
            *figures.failed.entry(reason).or_default() += stopped;
        }
        for (agent, known) in self.pool.agents().zip(&self.known) {
            if let Some(residence) = alive.get(&agent) {
                let before = known.restarts.fetch_max(residence.restarts, Relaxed);
                self.counters.restarted(residence.restarts.saturating_sub(before));
                if let Some(memory) = residence.usage.memory {
                    known.memory.store(memory, Relaxed);
                }
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
        // The restarts are kept with the figures.
        self.figures(&alive).queued == 0
    }

    /// Stops the instances at once.
    pub fn stop(&self, runtime: &Runtime) {
        for agent in self.pool.agents() {
            runtime.stop(agent);
        }
    }
}
