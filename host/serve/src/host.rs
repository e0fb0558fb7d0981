//! The agents that are served, by name.

mod apply;
mod counters;
mod drain;
mod outcome;
mod served;

pub use apply::Applied;
pub use counters::{bounds, reason};
pub use drain::Left;
pub use outcome::Outcome;

use crate::load::Loaded;
use crate::nats::Connections;
use crate::otlp::Tracer;
use crate::slo::Standing;
use crate::snapshot::Snapshot;
use bytesize::ByteSize;
use sandlab_runtime::messaging::{
    Client, DeliveryError, Draft, Residence, Roster, Runtime, Settings, SpawnError, Task,
};
use sandlab_runtime::{AgentId, Message, Performative, why_not_started};
use served::Served;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, Weak};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// A message for an agent, from outside.
#[derive(Debug, Clone)]
pub struct Request {
    /// The kind of message.
    pub performative: Performative,
    /// The conversation that it belongs to; `None` begins one.
    pub conversation: Option<u64>,
    /// The longest time until the reply.
    pub timeout: Duration,
    /// The content.
    pub content: Vec<u8>,
}

/// The reason that a message has no reply.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AskError {
    /// No agent has the name.
    #[error("there is no agent {0:?}")]
    Unknown(String),
    /// The host takes no more messages, since it is about to stop.
    #[error("this host is about to stop; send it to another")]
    Draining,
    /// The agent gave no reply.
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
    /// A reply is too large for its way back.
    #[error("a reply has {}, and its way back takes {} at most", size(*.bytes), size(*.most))]
    TooLarge {
        /// The reply's content, bytes.
        bytes: usize,
        /// The most that the way back takes.
        most: usize,
    },
}

/// The reason that an agent is not served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The operating system starts no further thread.
    #[error("cannot start the agents' threads: {}", why_not_started(.0))]
    Threads(#[from] std::io::Error),
    /// An instance does not start.
    #[error("agent {name:?}: {source}")]
    Agent {
        /// The agent's name.
        name: String,
        /// The reason.
        source: SpawnError,
    },
}

/// The longest wait for the figures of a shard that is busy with a call.
const ROSTER_WITHIN: Duration = Duration::from_millis(250);

/// The interval at which messages that are to end are looked at.
const LOOK: Duration = Duration::from_millis(5);

/// Runs agents, and passes messages to them. Clones are the same host.
#[derive(Clone)]
pub struct Host(Arc<Inner>);

struct Inner {
    runtime: Runtime,
    client: Client,
    agents: RwLock<HashMap<String, Arc<Served>>>,
    /// The configuration that the agents are of.
    loaded: RwLock<Arc<Loaded>>,
    /// Held while another is applied, so that one comes after the other.
    changing: Mutex<()>,
    /// Versions that get no more messages, and finish theirs. Who holds one holds it back.
    retiring: Mutex<Vec<(String, Weak<Served>)>>,
    /// The last roster of each shard.
    rosters: Mutex<Vec<Roster>>,
    /// The standings of the objectives at the monitor's last snapshot.
    objectives: Mutex<Vec<Standing>>,
    names: watch::Sender<Vec<String>>,
    draining: watch::Sender<bool>,
    /// Set once it has drained.
    drained: watch::Sender<bool>,
    /// The connections to NATS; not set if there are none.
    nats: OnceLock<Connections>,
    /// Begins the spans of messages; not set if there are none.
    tracer: OnceLock<Tracer>,
    started: Instant,
    /// Routes messages without a conversation by key.
    turn: AtomicU64,
}

impl Host {
    /// Starts a host, with all agents of a configuration. Waits for them: call it from a thread.
    ///
    /// # Errors
    /// [`ServeError`] if an agent does not start.
    pub fn start(loaded: Loaded, settings: Settings) -> Result<Self, ServeError> {
        // Connections and mailboxes bound what is in flight. A window that slow agents could fill
        // would make the others wait too.
        let runtime = Runtime::start(Settings { window: u32::MAX, ..settings })?;
        let host = Self(Arc::new(Inner {
            client: runtime.client(),
            runtime,
            agents: RwLock::default(),
            loaded: RwLock::default(),
            changing: Mutex::default(),
            retiring: Mutex::default(),
            rosters: Mutex::default(),
            objectives: Mutex::default(),
            names: watch::Sender::new(Vec::new()),
            draining: watch::Sender::new(false),
            drained: watch::Sender::new(false),
            nats: OnceLock::new(),
            tracer: OnceLock::new(),
            started: Instant::now(),
            turn: AtomicU64::new(0),
        }));
        host.apply(loaded, Duration::ZERO)?;
        Ok(host)
    }

    /// Sends a message to the agent with this name, and returns all replies of the call that
    /// answers it first: at least one.
    ///
    /// # Errors
    /// [`AskError`] with the reason if there is no reply.
    pub async fn ask(&self, agent: &str, request: Request) -> Result<Vec<Message>, AskError> {
        self.ask_over(usize::MAX, agent, request).await
    }

    /// Does the same as [`ask`](Self::ask) for a client whose replies have at most so many bytes.
    ///
    /// # Errors
    /// As [`ask`](Self::ask), and [`AskError::TooLarge`].
    pub(crate) async fn ask_over(
        &self,
        most: usize,
        agent: &str,
        request: Request,
    ) -> Result<Vec<Message>, AskError> {
        let served = self.served(agent)?;
        let ask = served.counters.ask();
        let task = self.assign(&served, &request);
        let (draft, timeout) = draft(request);
        let answer = self.0.client.ask_all(task.agent(), draft, timeout).await;
        let answer = answer.map_err(AskError::from).and_then(|replies| {
            let mut sizes = replies.iter().map(|reply| reply.content.len());
            match sizes.find(|bytes| *bytes > most) {
                Some(bytes) => Err(AskError::TooLarge { bytes, most }),
                None => Ok(replies),
            }
        });
        ask.end(&answer);
        answer
    }

    /// Sends a message to the agent with this name, and returns when it is on its way to the
    /// mailbox. One that fills the mailbox first can still keep it out, which is counted.
    ///
    /// # Errors
    /// [`AskError`] with the reason if the agent would not take it now.
    pub async fn tell(&self, agent: &str, request: Request) -> Result<(), AskError> {
        let served = self.served(agent)?;
        let task = self.assign(&served, &request);
        let (draft, _) = draft(request);
        served.tell(task.agent(), draft).await
    }

    /// Returns the names of all agents, in order.
    pub fn names(&self) -> Vec<String> {
        self.0.names.borrow().clone()
    }

    /// Returns the names of all agents, and signals changes.
    pub fn watch_names(&self) -> watch::Receiver<Vec<String>> {
        self.0.names.subscribe()
    }

    /// Returns whether the host drains, and signals the beginning.
    pub fn watch_draining(&self) -> watch::Receiver<bool> {
        self.0.draining.subscribe()
    }

    /// Returns whether the host takes no more messages, since it is about to stop.
    pub fn is_draining(&self) -> bool {
        *self.0.draining.borrow()
    }

    /// Adds the figures of these connections to the snapshots.
    pub(crate) fn tell_of(&self, connections: &Connections) {
        // A host has one front only, since it has one carrier.
        let _ = self.0.nats.set(connections.clone());
    }

    /// Begins spans with this tracer from now on.
    pub(crate) fn trace_with(&self, tracer: Tracer) {
        // A host has one collector only.
        let _ = self.0.tracer.set(tracer);
    }

    /// Returns the tracer that begins the spans of messages; `None` if there are none.
    pub(crate) fn tracer(&self) -> Option<&Tracer> {
        self.0.tracer.get()
    }

    /// Returns each agent of which instances have ended and are not restarted any more, with the
    /// number of those that are alive and of those that the configuration asks for.
    pub fn down(&self) -> BTreeMap<String, (u64, u64)> {
        let counts = self.all_served().into_iter();
        let counts = counts.map(|(name, served)| (name, (served.instances(), served.wanted())));
        counts.filter(|(_, (alive, wanted))| alive < wanted).collect()
    }

    /// Returns the runtime, for other users than the agents.
    pub fn runtime(&self) -> &Runtime {
        &self.0.runtime
    }

    /// Returns the figures of all agents since the host started; what only a busy thread knows, as it
    /// was when that last answered.
    pub async fn snapshot(&self) -> Snapshot {
        let rosters = self.rosters(self.0.runtime.roster(ROSTER_WITHIN).await);
        let alive = alive(&rosters).collect();
        let agents = self.all_served();
        let agents = agents.iter().map(|(name, served)| (name.clone(), served.figures(&alive)));
        Snapshot {
            uptime: self.0.started.elapsed(),
            agents: agents.collect(),
            accounts: rosters.iter().map(|roster| roster.accounts).sum(),
            process: self.loaded().process(),
            nats: self.0.nats.get().map(Connections::figures),
            otlp: self.tracer().map(Tracer::figures),
            objectives: self.objectives().clone(),
        }
    }

    /// Keeps how the objectives stand, for those who look at the host.
    pub fn set_objectives(&self, standings: Vec<Standing>) {
        *self.objectives() = standings;
    }

    fn objectives(&self) -> MutexGuard<'_, Vec<Standing>> {
        self.0.objectives.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the roster of each shard, the last known one where the shard did not answer.
    fn rosters(&self, told: Vec<Option<Roster>>) -> Vec<Roster> {
        let mut known = self.0.rosters.lock().unwrap_or_else(PoisonError::into_inner);
        known.resize_with(told.len(), Roster::default);
        for (known, told) in known.iter_mut().zip(told) {
            *known = told.unwrap_or_else(|| std::mem::take(known));
        }
        known.clone()
    }

    /// Returns the configuration that the agents are of.
    pub fn loaded(&self) -> Arc<Loaded> {
        self.0.loaded.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn served(&self, agent: &str) -> Result<Arc<Served>, AskError> {
        let agents = self.0.agents.read().unwrap_or_else(PoisonError::into_inner);
        let served = agents.get(agent).cloned();
        let served = served.ok_or_else(|| AskError::Unknown(agent.to_owned()))?;
        if self.is_draining() {
            served.counters.refuse();
            return Err(AskError::Draining);
        }
        Ok(served)
    }

    fn all_served(&self) -> Vec<(String, Arc<Served>)> {
        let agents = self.0.agents.read().unwrap_or_else(PoisonError::into_inner);
        agents.iter().map(|(name, served)| (name.clone(), served.clone())).collect()
    }

    /// Chooses the instance for a message; by key, that of its conversation.
    fn assign<'a>(&self, served: &'a Served, request: &Request) -> Task<'a> {
        let key = request.conversation.unwrap_or_else(|| self.0.turn.fetch_add(1, Relaxed));
        served.pool.assign(key, |agent| self.0.client.accepts(agent))
    }
}

fn draft(request: Request) -> (Draft, Duration) {
    let Request { performative, conversation, timeout, content } = request;
    (Draft { performative, conversation, content }, timeout)
}

fn size(bytes: usize) -> ByteSize {
    ByteSize(bytes as u64)
}

/// Returns all agents on these threads.
fn alive(rosters: &[Roster]) -> impl Iterator<Item = (AgentId, Residence)> + '_ {
    let residents = rosters.iter().flat_map(|roster| &roster.residents);
    residents.map(|residence| (residence.agent, *residence))
}
