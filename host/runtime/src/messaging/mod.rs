//! The message path: from a client, or an agent, to an agent, and back.
//!
//! ```text
//! client ─▶ inbox ─▶ mailbox ─▶ agent ─┬▶ reply ─▶ client
//!           one a     bounded          └▶ recipient's mailbox
//!           shard
//! ```
//!
//! Agents live on [shards](Settings::shards), plain OS threads, each of which owns its
//! agents: a message between two of one shard touches neither lock nor atomic; between
//! shards, and to and from clients, messages go in batches. Those that nobody vouches for
//! can live [in quarantine](Placement::Quarantine), on threads that get what the others
//! leave. tokio is at the edges: clients that await, and the timers of agents whose calls
//! can block, which run on fibers and so stall nobody.
//!
//! Messages of one sender to one recipient arrive in the order that they were sent. Every
//! message is accounted for ([`Accounts`]).

mod accounts;
mod address;
mod census;
mod client;
mod connection;
mod envelope;
mod gathering;
mod inbox;
mod link;
mod mailbox;
mod placement;
mod pool;
mod registry;
mod shard;
mod slot;
mod strategy;
mod supervisor;
mod waker;

pub use accounts::Accounts;
pub use census::Census;
pub use client::{Client, Undelivered};
pub use connection::{Connection, WindowFull};
pub use link::Delivery;
pub use mailbox::{MailboxLimits, WhenFull};
pub use placement::{Placement, give_way};
pub use pool::{Pool, Routing};
pub use strategy::{Batching, Strategy};
pub use supervisor::Restarts;

use crate::{AgentId, Backend, CallError, Interface, NotOffered};
use address::Address;
use registry::Registry;
use shard::{Command, Crowd, Shard, Spawn};
use std::num::NonZeroU32;
use std::ops::AddAssign;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// How the path is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Threads that agents live on. Default one a core.
    pub shards: usize,
    /// Threads beside them, for agents in [quarantine](Placement::Quarantine). Default 1.
    pub quarantine: usize,
    /// Agents that a shard can have. Default 65,536, of 4 bytes each.
    pub agents_per_shard: u32,
    /// How long an idle shard looks for work before it sleeps. Default 20 µs: waking it
    /// costs the sender more than that.
    pub idle_spin: Duration,
    /// Agents that may handle what one message leads to, one after another. Default 1,000.
    pub max_hops: u32,
    /// Messages that one client may have on their way. Default 1,024.
    pub window: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            shards: thread::available_parallelism().map_or(1, usize::from),
            quarantine: 1,
            agents_per_shard: 1 << 16,
            idle_spin: Duration::from_micros(20),
            max_hops: 1_000,
            window: 1_024,
        }
    }
}

/// How one agent lives.
#[derive(Debug, Clone, Default)]
pub struct AgentOptions {
    /// What it is configured with, at each start.
    pub config: Option<Vec<u8>>,
    /// How much may wait for it.
    pub mailbox: MailboxLimits,
    /// How often it is started again.
    pub restarts: Restarts,
    /// How it is handed its messages. Default one by one, by value.
    pub strategy: Strategy,
    /// Among whom it lives. Default on the shards.
    pub placement: Placement,
    /// Its state is saved after so many messages, and a restart resumes from there. Needs
    /// an agent that exports `state`. Default never.
    pub checkpoint_every: Option<NonZeroU32>,
}

impl AgentOptions {
    /// # Errors
    /// [`SpawnError::NotOffered`] if the agents of this backend do not have what these need.
    fn require(&self, backend: &dyn Backend) -> Result<(), SpawnError> {
        let refused = |option| move |why| SpawnError::NotOffered { option, why };
        self.strategy
            .offered_by(backend)
            .map_err(refused("strategy"))?;
        if self.checkpoint_every.is_some() {
            let offered = backend.offers(Interface::State);
            offered.map_err(refused("checkpoint_every"))?;
        }
        Ok(())
    }
}

/// Why an agent was not started.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// The agent did not come up.
    #[error("the agent does not start: {0}")]
    Agent(#[source] CallError),
    /// The options ask for what the agent does not offer.
    #[error("the option `{option}` cannot be used: {why}")]
    NotOffered {
        /// Which option.
        option: &'static str,
        /// What is not offered, and why.
        #[source]
        why: NotOffered,
    },
    /// It is to live in quarantine, and this kernel has none.
    #[error("no agent can live in quarantine here: {0}")]
    NoQuarantine(String),
    /// Another agent has the name.
    #[error("another agent is called {0:?}")]
    NameTaken(String),
    /// The shard has no place left.
    #[error("the shard has {0} agents already; raise `agents_per_shard`")]
    Full(u32),
    /// The runtime is gone.
    #[error("the runtime was shut down")]
    ShutDown,
}

/// What comes of many agents that are being started.
type Started = oneshot::Receiver<Result<Vec<AgentId>, SpawnError>>;

/// The path with its shards. Dropping it ends them at once; [`shutdown`](Self::shutdown)
/// lets them finish.
///
/// Its methods wait for the shards: call them from a thread, not from async code, and not
/// from work that [runs on a shard](Self::run_on).
pub struct Runtime {
    registry: Arc<Registry>,
    settings: Settings,
    shards: Vec<JoinHandle<()>>,
    next_shard: AtomicUsize,
    /// Why the quarantine's threads do not give way, if they do not: then nobody lives there.
    no_quarantine: Option<String>,
    /// Timers and I/O of agents that can block.
    _background: tokio::runtime::Runtime,
}

impl Runtime {
    /// Starts the shards.
    ///
    /// # Errors
    /// If the machine gives no thread.
    ///
    /// # Panics
    /// If the settings want no shard, no thread for quarantine, or more than 254 of both.
    pub fn start(settings: Settings) -> std::io::Result<Self> {
        let threads = settings.threads();
        assert!(
            settings.shards > 0 && settings.quarantine > 0 && threads < address::MAX_SHARDS,
            "1 to 254 shards, with those in quarantine"
        );
        let background = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("background")
            .enable_all()
            .build()?;
        let registry = Arc::new(Registry::new(threads, settings.agents_per_shard));
        let mut runtime = Self {
            registry: registry.clone(),
            settings,
            shards: Vec::new(),
            next_shard: AtomicUsize::new(0),
            no_quarantine: None,
            _background: background,
        };
        for index in 0..threads {
            let shard = Shard::new(index as u8, registry.clone(), settings);
            let timers = runtime._background.handle().clone();
            let is_quarantine = index >= settings.shards;
            let kind = if is_quarantine { "quarantine" } else { "shard" };
            let builder = thread::Builder::new().name(format!("{kind} {index}"));
            let (prepared, is_prepared) = mpsc::channel();
            let spawned = builder.spawn(move || {
                let gave_way = if is_quarantine {
                    placement::give_way()
                } else {
                    Ok(())
                };
                // Whoever started it waits for this.
                let _ = prepared.send(gave_way);
                let _timers = timers.enter();
                shard.run();
            })?;
            runtime.shards.push(spawned);
            if let Ok(Err(error)) = is_prepared.recv() {
                runtime.no_quarantine = Some(error.to_string());
            }
        }
        Ok(runtime)
    }

    /// Starts an agent, on one thread of its [placement](AgentOptions::placement) after another.
    ///
    /// # Errors
    /// [`SpawnError`] with what is in the way.
    pub fn spawn(
        &self,
        name: Option<&str>,
        backend: Arc<dyn Backend>,
        options: AgentOptions,
    ) -> Result<AgentId, SpawnError> {
        let turn = self.next_shard.fetch_add(1, Ordering::Relaxed);
        self.spawn_on(turn, name, backend, options)
    }

    /// Starts an agent on this thread of its placement, counted round and round: agents that
    /// talk much should live together.
    ///
    /// # Errors
    /// As [`spawn`](Self::spawn).
    pub fn spawn_on(
        &self,
        shard: usize,
        name: Option<&str>,
        backend: Arc<dyn Backend>,
        options: AgentOptions,
    ) -> Result<AgentId, SpawnError> {
        let shard = self.thread(options.placement, shard)?;
        let spawn = Box::new(Spawn {
            name: name.map(str::to_owned),
            backend,
            options,
        });
        let (answer, answered) = oneshot::channel();
        self.registry.inboxes[shard].command(Command::Spawn(spawn, answer));
        answered.blocking_recv().map_err(|_| SpawnError::ShutDown)?
    }

    /// Starts many agents of one kind, an equal share on each thread, and waits once for all
    /// of them: each shard starts its own meanwhile. In the order of the shards' turns.
    ///
    /// # Errors
    /// As [`spawn`](Self::spawn); then none of them stays.
    pub fn spawn_many(
        &self,
        backend: &Arc<dyn Backend>,
        options: &AgentOptions,
        count: usize,
    ) -> Result<Vec<AgentId>, SpawnError> {
        let threads = self.settings.threads_of(options.placement).len();
        let share = |thread| count / threads + usize::from(thread < count % threads);
        let asked: Vec<_> = (0..threads)
            .map(|thread| self.ask_for(thread, backend, options, share(thread)))
            .collect::<Result<_, _>>()?;
        let started = asked.into_iter().map(|answered| {
            answered
                .blocking_recv()
                .unwrap_or(Err(SpawnError::ShutDown))
        });
        let (mut shares, mut failed) = (Vec::new(), None);
        for started in started {
            match started {
                Ok(agents) => shares.push(agents),
                Err(error) => failed = Some(error),
            }
        }
        if let Some(error) = failed {
            for agent in shares.into_iter().flatten() {
                self.stop(agent);
            }
            return Err(error);
        }
        let turns = 0..share(0);
        let turn = |turn: usize| shares.iter().filter_map(move |agents| agents.get(turn));
        Ok(turns.flat_map(turn).copied().collect())
    }

    /// As [`spawn_many`](Self::spawn_many), all on one shard.
    ///
    /// # Errors
    /// As [`spawn_many`](Self::spawn_many).
    pub fn spawn_many_on(
        &self,
        shard: usize,
        backend: &Arc<dyn Backend>,
        options: &AgentOptions,
        count: usize,
    ) -> Result<Vec<AgentId>, SpawnError> {
        let answered = self.ask_for(shard, backend, options, count)?;
        answered.blocking_recv().map_err(|_| SpawnError::ShutDown)?
    }

    fn ask_for(
        &self,
        shard: usize,
        backend: &Arc<dyn Backend>,
        options: &AgentOptions,
        count: usize,
    ) -> Result<Started, SpawnError> {
        let spawn = Spawn {
            name: None,
            backend: backend.clone(),
            options: options.clone(),
        };
        let shard = self.thread(options.placement, shard)?;
        let (answer, answered) = oneshot::channel();
        let crowd = Crowd::new(spawn, count, answer);
        self.registry.inboxes[shard].command(Command::SpawnMany(crowd));
        Ok(answered)
    }

    /// The thread of a placement whose turn it is.
    fn thread(&self, placement: Placement, turn: usize) -> Result<usize, SpawnError> {
        match (&self.no_quarantine, placement) {
            (Some(why), Placement::Quarantine) => Err(SpawnError::NoQuarantine(why.clone())),
            _ => Ok(self.settings.thread(placement, turn)),
        }
    }

    /// Ends an agent; what waited for it is dead-lettered. False if it was not there.
    pub fn stop(&self, agent: AgentId) -> bool {
        let Some(inbox) = self.registry.inbox_of(agent) else {
            return false;
        };
        let (answer, answered) = oneshot::channel();
        inbox.command(Command::Stop(agent, answer));
        answered.blocking_recv().unwrap_or(false)
    }

    /// The live agent with this name.
    pub fn find(&self, name: &str) -> Option<AgentId> {
        crate::agent::Directory::find(&*self.registry, name)
    }

    /// The thread that an agent lives on; those in quarantine come after all shards.
    pub fn shard_of(agent: AgentId) -> usize {
        usize::from(Address::from(agent).shard)
    }

    /// A client that awaits.
    pub fn client(&self) -> Client {
        Client::new(self.registry.clone(), self.settings.window as usize)
    }

    /// A pipelined connection with so many messages in flight at most.
    pub fn connect(&self, window: u32) -> Connection {
        Connection::new(self.registry.clone(), window)
    }

    /// Runs a client's work on a shard, between the turns of its agents: what it sends to
    /// them, and what comes back, wakes no other thread. It must not block, and should
    /// wait soon: its agents wait for it. It ends with the runtime, done or not.
    pub fn run_on(&self, shard: usize, task: impl Future<Output = ()> + Send + 'static) {
        let inbox = &self.registry.inboxes[shard % self.settings.shards];
        inbox.command(Command::Run(Box::pin(task)));
    }

    /// What became of all messages until now; exact while nothing moves.
    pub fn accounts(&self) -> Accounts {
        self.sum(Command::Report)
    }

    /// What lives on all shards now.
    pub fn census(&self) -> Census {
        self.sum(Command::Census)
    }

    /// Asks each shard in turn, and adds up what they say.
    fn sum<T: Default + AddAssign>(&self, ask: fn(oneshot::Sender<T>) -> Command) -> T {
        let mut all = T::default();
        for inbox in &self.registry.inboxes {
            let (answer, answered) = oneshot::channel();
            inbox.command(ask(answer));
            all += answered.blocking_recv().unwrap_or_default();
        }
        all
    }

    /// Waits until nothing moves any more, at most until then; returns the last accounts.
    pub fn quiesce(&self, until: Instant) -> Accounts {
        let mut before = self.accounts();
        loop {
            let now = self.accounts();
            // Twice the same, or something could have been between two shards.
            let at_rest = now == before && now.queued == 0 && now.is_balanced();
            if at_rest || Instant::now() >= until {
                return now;
            }
            before = now;
            thread::sleep(Duration::from_micros(200));
        }
    }

    /// Takes nothing more from clients, lets the agents finish what is queued for at most
    /// so long, then ends them, and reports: what was still queued is dead-lettered.
    pub fn shutdown(self, within: Duration) -> Accounts {
        for inbox in &self.registry.inboxes {
            inbox.close();
            inbox.command(Command::Hurry);
        }
        self.quiesce(Instant::now() + within);
        self.stop_all();
        self.quiesce(Instant::now() + Duration::from_secs(1))
    }

    fn stop_all(&self) {
        for inbox in &self.registry.inboxes {
            inbox.command(Command::StopAll);
        }
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        self.registry.inboxes.iter().for_each(|inbox| inbox.close());
        self.stop_all();
        for inbox in &self.registry.inboxes {
            inbox.command(Command::Exit);
        }
        for shard in self.shards.drain(..) {
            // A shard that panicked has said so on standard error.
            let _ = shard.join();
        }
    }
}
