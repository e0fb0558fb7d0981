//! The runtime: the shards' threads, and what an embedder asks of them.

use super::address::{Address, MAX_SHARDS};
use super::registry::Registry;
use super::shard::{BulkSpawn, Command, Shard, Spawn};
use super::{
    Accounts, AgentOptions, Carrier, Census, Client, Connection, Entrance, Placement, Roster,
    Settings, SpawnError, set_idle_priority,
};
use crate::not_started::require_thread;
use crate::{AgentId, Backend};
use std::io;
use std::ops::AddAssign;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// Shards and their agents: where an embedder starts.
///
/// Dropping it ends its agents at once; [`shutdown`](Self::shutdown) lets them finish.
///
/// Its methods wait for the shards: call them from a thread, not from async code, and not
/// from work that [runs on a shard](Self::run_on).
///
/// ```no_run
/// use sandlab_runtime::messaging::{AgentOptions, Runtime, Settings};
/// use sandlab_runtime::{Performative, SandboxConfig, wasm::Sandbox};
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// let sandbox = Arc::new(Sandbox::load("echo.wasm".as_ref(), &SandboxConfig::default())?);
/// let runtime = Runtime::start(Settings::default())?;
/// let echo = runtime.spawn(Some("echo"), sandbox, AgentOptions::default())?;
/// assert_eq!(runtime.find("echo"), Some(echo));
///
/// let mut connection = runtime.connect(16);
/// connection.send(echo, Performative::Request, "hello")?;
/// drop(connection);
/// let accounts = runtime.shutdown(Duration::from_secs(5));
/// assert_eq!((accounts.accepted, accounts.handled), (1, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Runtime {
    registry: Arc<Registry>,
    settings: Settings,
    shards: Vec<JoinHandle<()>>,
    next_shard: AtomicUsize,
    /// The kernel's reason if it refused the priority of quarantine's threads. `None` if it
    /// did not.
    no_quarantine: Option<String>,
    /// Timers and I/O of agents that can block. `None` once this is dropped.
    background: Option<tokio::runtime::Runtime>,
}

impl Runtime {
    /// Starts the shards.
    ///
    /// # Errors
    /// If the operating system cannot start another thread.
    ///
    /// # Panics
    /// If the settings have no shard, no quarantine thread, or more than 253 of both.
    pub fn start(settings: Settings) -> io::Result<Self> {
        let threads = settings.threads();
        assert!(
            settings.shards > 0 && settings.quarantine > 0 && threads < MAX_SHARDS,
            "1 to 253 shards, with those in quarantine"
        );
        require_thread()?;
        let background = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("background")
            .enable_all()
            .build()?;
        let timers = background.handle().clone();
        let mut runtime = Self {
            registry: Arc::new(Registry::new(threads, settings.agents_per_shard)),
            settings,
            shards: Vec::new(),
            next_shard: AtomicUsize::new(0),
            no_quarantine: None,
            background: Some(background),
        };
        for index in 0..threads {
            runtime.start_shard(index, &timers)?;
        }
        Ok(runtime)
    }

    fn start_shard(&mut self, index: usize, timers: &Handle) -> io::Result<()> {
        let shard = Shard::new(index as u8, self.registry.clone(), self.settings);
        let timers = timers.clone();
        let is_quarantine = index >= self.settings.shards;
        let kind = if is_quarantine { "quarantine" } else { "shard" };
        let builder = thread::Builder::new().name(format!("{kind} {index}"));
        let (prepared, is_prepared) = mpsc::channel();
        let thread = builder.spawn(move || {
            let priority = if is_quarantine { set_idle_priority() } else { Ok(()) };
            // The receiver waits below.
            let _ = prepared.send(priority);
            let _timers = timers.enter();
            shard.run();
        })?;
        self.shards.push(thread);
        if let Ok(Err(error)) = is_prepared.recv() {
            self.no_quarantine = Some(error.to_string());
        }
        Ok(())
    }

    /// Starts an agent, on the threads of its [placement](AgentOptions::placement) in rotation.
    ///
    /// # Errors
    /// [`SpawnError`] with the reason.
    pub fn spawn(
        &self,
        name: Option<&str>,
        backend: Arc<dyn Backend>,
        options: AgentOptions,
    ) -> Result<AgentId, SpawnError> {
        let next = self.next_shard.fetch_add(1, Ordering::Relaxed);
        self.spawn_on(next, name, backend, options)
    }

    /// Starts an agent on one thread of its placement, by index modulo their number: agents
    /// that exchange many messages should live together.
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
        let spawn = Box::new(Spawn { name: name.map(str::to_owned), backend, options });
        let spawned = self.request(shard, |answer| Command::Spawn(spawn, answer));
        spawned.blocking_recv().map_err(|_| SpawnError::ShutDown)?
    }

    /// Starts many equal agents, an equal share on each thread; the rest of an uneven number in
    /// rotation, so that single ones do not all live on the first. All shards start theirs at the same
    /// time. The ids are in the order in which the shards alternate.
    ///
    /// # Errors
    /// As [`spawn`](Self::spawn); then none of the agents stays.
    pub fn spawn_many(
        &self,
        backend: &Arc<dyn Backend>,
        options: &AgentOptions,
        count: usize,
    ) -> Result<Vec<AgentId>, SpawnError> {
        let threads = self.settings.threads_of(options.placement).len();
        let first = self.next_shard.fetch_add(count % threads, Ordering::Relaxed);
        let share = |turn| count / threads + usize::from(turn < count % threads);
        let requests: Vec<_> = (0..threads)
            .map(|turn| self.request_many(first.wrapping_add(turn), backend, options, share(turn)))
            .collect::<Result<_, _>>()?;
        let (mut shares, mut failed) = (Vec::new(), None);
        for request in requests {
            match request.blocking_recv() {
                Ok(Ok(agents)) => shares.push(agents),
                Ok(Err(error)) => failed = Some(error),
                Err(_) => failed = Some(SpawnError::ShutDown),
            }
        }
        if let Some(error) = failed {
            for agent in shares.into_iter().flatten() {
                self.stop(agent);
            }
            return Err(error);
        }
        let rounds = 0..share(0);
        let round = |round: usize| shares.iter().filter_map(move |agents| agents.get(round));
        Ok(rounds.flat_map(round).copied().collect())
    }

    /// Does the same as [`spawn_many`](Self::spawn_many), all on one shard.
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
        let spawned = self.request_many(shard, backend, options, count)?;
        spawned.blocking_recv().map_err(|_| SpawnError::ShutDown)?
    }

    fn request_many(
        &self,
        shard: usize,
        backend: &Arc<dyn Backend>,
        options: &AgentOptions,
        count: usize,
    ) -> Result<oneshot::Receiver<Result<Vec<AgentId>, SpawnError>>, SpawnError> {
        let spawn = Spawn { name: None, backend: backend.clone(), options: options.clone() };
        let shard = self.thread(options.placement, shard)?;
        Ok(self.request(shard, |answer| Command::SpawnMany(BulkSpawn::new(spawn, count, answer))))
    }

    /// Checks whether agents can live in a placement here.
    ///
    /// # Errors
    /// [`SpawnError::NoQuarantine`] with the kernel's reason.
    pub fn require(&self, placement: Placement) -> Result<(), SpawnError> {
        self.thread(placement, 0).map(drop)
    }

    /// Returns the thread of a placement, by index modulo their number.
    fn thread(&self, placement: Placement, index: usize) -> Result<usize, SpawnError> {
        match (&self.no_quarantine, placement) {
            (Some(why), Placement::Quarantine) => Err(SpawnError::NoQuarantine(why.clone())),
            _ => Ok(self.settings.thread(placement, index)),
        }
    }

    /// Gives a command to a shard; returns where its answer arrives.
    fn request<T>(
        &self,
        shard: usize,
        command: impl FnOnce(oneshot::Sender<T>) -> Command,
    ) -> oneshot::Receiver<T> {
        let (answer, answered) = oneshot::channel();
        self.registry.inboxes[shard].command(command(answer));
        answered
    }

    /// Stops an agent; its queued messages are dead-lettered. Returns `false` if there is no
    /// such agent.
    pub fn stop(&self, agent: AgentId) -> bool {
        let shard = Self::shard_of(agent);
        if shard >= self.registry.inboxes.len() {
            return false;
        }
        let stopped = self.request(shard, |answer| Command::Stop(agent, answer));
        stopped.blocking_recv().unwrap_or(false)
    }

    /// Gives a live agent a name, which it takes from the agent that has it: messages by name
    /// reach it from then on. Returns `false` if there is no such agent.
    pub fn rename(&self, agent: AgentId, name: &str) -> bool {
        let shard = Self::shard_of(agent);
        if shard >= self.registry.inboxes.len() {
            return false;
        }
        let name = name.to_owned();
        let renamed = self.request(shard, |answer| Command::Rename(agent, name, answer));
        renamed.blocking_recv().unwrap_or(false)
    }

    /// Returns the live agent with this name.
    pub fn find(&self, name: &str) -> Option<AgentId> {
        self.registry.local(name)
    }

    /// Returns the index of the thread that an agent lives on; quarantine threads come after
    /// all shards.
    pub fn shard_of(agent: AgentId) -> usize {
        usize::from(Address::from(agent).shard)
    }

    /// Returns a client that awaits each reply.
    pub fn client(&self) -> Client {
        Client::new(self.registry.clone(), self.settings.window as usize)
    }

    /// Returns a pipelined connection with at most `window` messages in flight.
    pub fn connect(&self, window: u32) -> Connection {
        Connection::new(self.registry.clone(), window)
    }

    /// Has messages to agents of other hosts carried, for as long as the carrier lives: agents find
    /// those agents by name, after the names of this host. Returns where messages from them come
    /// in; `None` if the runtime has a carrier already.
    pub fn carry_by(&self, carrier: Weak<dyn Carrier>) -> Option<Entrance> {
        let is_set = self.registry.set_carrier(carrier);
        is_set.then(|| Entrance::of(self.registry.clone()))
    }

    /// Runs a client's future on a shard, between the turns of its agents: what it sends to
    /// them, and their replies, wake no other thread. The future must not block, and should
    /// await soon, since the shard's agents wait for it. It is dropped with the runtime,
    /// complete or not.
    pub fn run_on(&self, shard: usize, task: impl Future<Output = ()> + Send + 'static) {
        let inbox = &self.registry.inboxes[shard % self.settings.shards];
        inbox.command(Command::Run(Box::pin(task)));
    }

    /// Returns the accounts of all messages so far; exact while none is in flight.
    pub fn accounts(&self) -> Accounts {
        self.sum(Command::Report)
    }

    /// Returns what is alive on all shards now.
    pub fn census(&self) -> Census {
        self.sum(Command::Census)
    }

    /// Returns what lives on each thread, with what it has used. `None` for a thread that does
    /// not answer in time, since a call of one of its agents takes so long. May be awaited in async
    /// code.
    pub async fn roster(&self, within: Duration) -> Vec<Option<Roster>> {
        let threads = 0..self.registry.inboxes.len();
        let asked: Vec<_> = threads.map(|thread| self.request(thread, Command::Roster)).collect();
        let until = tokio::time::Instant::now() + within;
        let mut all = Vec::new();
        for answered in asked {
            all.push(tokio::time::timeout_at(until, answered).await.ok().and_then(Result::ok));
        }
        all
    }

    /// Returns the same as [`roster`](Self::roster), of all threads, however long they take.
    pub fn wait_for_roster(&self) -> Vec<Roster> {
        let threads = 0..self.registry.inboxes.len();
        let asked: Vec<_> = threads.map(|thread| self.request(thread, Command::Roster)).collect();
        asked.into_iter().map(|answered| answered.blocking_recv().unwrap_or_default()).collect()
    }

    /// Asks one shard after another, and adds up their answers.
    fn sum<T: Default + AddAssign>(&self, command: fn(oneshot::Sender<T>) -> Command) -> T {
        let mut sum = T::default();
        for shard in 0..self.registry.inboxes.len() {
            let answered = self.request(shard, command);
            sum += answered.blocking_recv().unwrap_or_default();
        }
        sum
    }

    /// Waits until no message is in flight, or until the deadline; returns the last accounts.
    pub fn quiesce(&self, until: Instant) -> Accounts {
        let mut before = self.accounts();
        loop {
            let now = self.accounts();
            // Twice the same, or a message could have been between two shards.
            let at_rest = now == before && now.queued == 0 && now.is_balanced();
            if at_rest || Instant::now() >= until {
                return now;
            }
            before = now;
            thread::sleep(Duration::from_micros(200));
        }
    }

    /// Refuses new messages from clients, gives the agents up to `within` to finish what is
    /// queued, then stops them. What is still queued is dead-lettered. Returns the accounts.
    pub fn shutdown(self, within: Duration) -> Accounts {
        for inbox in &self.registry.inboxes {
            inbox.close();
            inbox.command(Command::Flush);
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
            // A shard that panicked has reported it on standard error.
            let _ = shard.join();
        }
        // Dropping it would panic in async code.
        self.background.take().into_iter().for_each(tokio::runtime::Runtime::shutdown_background);
    }
}
