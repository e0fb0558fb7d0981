//! The traits of a backend and of a running agent, the same for every backend.

use crate::{AgentId, CallError, Cause, Fault, Interface, Level, Message, NotOffered, SendError};
use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;

/// One loaded agent program, of which instances can be started.
pub trait Backend: Send + Sync {
    /// Returns which backend this is.
    fn kind(&self) -> BackendKind;

    /// Checks whether the instances offer an optional interface. By default they offer none.
    ///
    /// # Errors
    /// [`NotOffered`] with the reason if not.
    fn offers(&self, interface: Interface) -> Result<(), NotOffered> {
        Err(NotOffered::NotExported(interface))
    }

    /// Starts an instance, ready for its first message.
    ///
    /// # Errors
    /// [`Fault`] if the instance does not start: no memory within its limit, a panic while it
    /// starts, no free slot in the pool.
    fn spawn(&self, identity: Identity) -> Result<Box<dyn Agent>, Fault>;

    /// Starts an instance for a thread that its calls must not block. By default no call
    /// blocks.
    ///
    /// # Errors
    /// As [`spawn`](Self::spawn).
    fn start(&self, identity: Identity) -> Result<Started, Fault> {
        self.spawn(identity).map(Started::Sync)
    }

    /// Returns true if a start blocks for so long that a thread with other work should not do it: a
    /// new process takes milliseconds. By default `false`.
    fn starts_slowly(&self) -> bool {
        false
    }
}

/// A started instance, by how it is called.
pub enum Started {
    /// On the caller's stack. A call never waits.
    Sync(Box<dyn Agent>),
    /// As a future. A call can wait.
    Async(Box<dyn AsyncAgent>),
}

impl Started {
    /// Returns the instance, for operations that are the same for all kinds of calls.
    pub fn agent(&self) -> &dyn Agent {
        match self {
            Self::Sync(agent) => agent.as_ref(),
            Self::Async(agent) => agent.as_ref(),
        }
    }

    /// Returns the same as [`agent`](Self::agent), mutable.
    pub fn agent_mut(&mut self) -> &mut dyn Agent {
        match self {
            Self::Sync(agent) => agent.as_mut(),
            Self::Async(agent) => agent.as_mut(),
        }
    }
}

/// An instance whose calls can wait without blocking a thread.
pub trait AsyncAgent: Agent {
    /// Handles one message. The future must be polled in the context of a tokio runtime;
    /// dropping it ends the instance.
    fn call(self: Box<Self>, message: Message) -> Call;

    /// Does the same as [`Agent::handle_batch`], with a future like that of [`call`](Self::call).
    fn call_batch(self: Box<Self>, messages: Vec<Message>) -> Call<Batch>;

    /// Does the same as [`Agent::handle_parcel`], with a future like that of [`call`](Self::call).
    fn call_parcel(self: Box<Self>, message: Message) -> Call;
}

/// A call that has not returned.
pub type Call<R = Handled> = Pin<Box<dyn Future<Output = Called<R>> + Send>>;

/// A call that has returned.
pub struct Called<R = Handled> {
    /// The instance; if the outcome is a fault, it can only be dropped.
    pub agent: Box<dyn AsyncAgent>,
    /// The result of [`Agent::handle`] or [`Agent::handle_batch`].
    pub outcome: Result<R, CallError>,
}

/// One running instance. A [`CallError::Fault`] ends it: drop it and spawn another.
/// By default it offers none of the optional interfaces, and reports no usage.
pub trait Agent: Send {
    /// Configures the agent, at most once, before its first message; returns the messages that it
    /// sent.
    ///
    /// # Errors
    /// [`CallError::Failure`] if the agent rejects the configuration.
    fn configure(&mut self, config: &[u8]) -> Result<Vec<Message>, CallError>;

    /// Handles one message.
    ///
    /// # Errors
    /// [`CallError::Failure`] if the agent answers with a failure (messages that it sent are then
    /// not delivered), [`CallError::Fault`] if the instance ended.
    fn handle(&mut self, message: &Message) -> Result<Handled, CallError>;

    /// Handles several messages in one call.
    ///
    /// # Errors
    /// [`Cause::Unsupported`] if the agent does not export `batch`, else as
    /// [`handle`](Self::handle).
    fn handle_batch(&mut self, messages: &[Message]) -> Result<Batch, CallError> {
        let _ = messages;
        Err(Cause::Unsupported("batch".to_owned()).into())
    }

    /// Handles one message whose content stays in the host's memory: the agent reads the parts that
    /// it needs, and can send the content on, or reply with it, without a copy.
    ///
    /// # Errors
    /// [`Cause::Unsupported`] if the agent does not export `parcels` or the backend does not
    /// offer it, else as [`handle`](Self::handle).
    fn handle_parcel(&mut self, message: Message) -> Result<Handled, CallError> {
        let _ = message;
        Err(Cause::Unsupported("parcels".to_owned()).into())
    }

    /// Returns the agent's state.
    ///
    /// # Errors
    /// [`Cause::Unsupported`] if the agent does not export `state`, else as
    /// [`handle`](Self::handle).
    fn checkpoint(&mut self) -> Result<Vec<u8>, CallError> {
        Err(Cause::Unsupported("state".to_owned()).into())
    }

    /// Replaces the agent's state by one that [`checkpoint`](Self::checkpoint) returned.
    ///
    /// # Errors
    /// As [`checkpoint`](Self::checkpoint).
    fn restore(&mut self, state: &[u8]) -> Result<(), CallError> {
        let _ = state;
        Err(Cause::Unsupported("state".to_owned()).into())
    }

    /// Returns the resources that the instance has used so far.
    fn usage(&self) -> Usage {
        Usage::default()
    }

    /// Removes and returns the lines that the last call logged, oldest first.
    fn take_log(&mut self) -> Vec<LogLine> {
        Vec::new()
    }

    /// Begins to fetch into the cache what [`handle`](Self::handle) will touch with a message that
    /// is soon to be handled. By default nothing: it is not known.
    fn fetch_ahead(&mut self, next: &Message) {
        let _ = next;
    }
}

/// The result of handling one message.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Handled {
    /// Replies, in the agent's order.
    pub replies: Vec<Message>,
    /// Messages that the agent sent to others during the call, in order.
    pub sent: Vec<Message>,
}

/// The result of handling several messages in one call.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Replies to each message, or the failure, at the message's index.
    pub results: Vec<Result<Vec<Message>, crate::Failure>>,
    /// Messages that the agent sent to others during the call, in order.
    pub sent: Vec<Message>,
}

/// A line of an agent's log.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LogLine {
    /// Severity.
    pub level: Level,
    /// Text, without a line end.
    pub text: String,
}

/// The resources that an instance has used. A value is `None`, never zero, where the backend cannot
/// measure it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Linear memory now, the sum of the agent's memories, bytes. For a child process its
    /// resident memory.
    pub memory: Option<u64>,
    /// The maximum of [`memory`](Self::memory) so far, bytes.
    pub memory_peak: Option<u64>,
    /// Refused growths of memory since the start, also those that the instance survived.
    pub denials: Option<Denials>,
    /// Fuel that the last call consumed. `None` without metering.
    pub fuel: Option<u64>,
    /// Log lines that were dropped since the start, as over the budget.
    pub log_dropped: u64,
    /// Messages of the last call that were refused: recipient unknown or full, or over the
    /// budget.
    pub sends_refused: u32,
}

/// Growths of memory that the limit refused.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Denials {
    /// Number of refusals.
    pub count: u64,
    /// The total that the last refused growth would have led to, bytes. `None` if nothing was
    /// refused.
    pub asked: Option<u64>,
}

/// The id of an instance, and which agents it can reach.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Id, which the agent gets from `host.self`.
    pub id: AgentId,
    /// The agents that it can find and send to.
    pub directory: Arc<dyn Directory>,
}

/// The agents that can be found and sent to.
pub trait Directory: Send + Sync + fmt::Debug {
    /// Returns the id of the live agent with this name.
    fn find(&self, name: &str) -> Option<AgentId>;

    /// Checks whether a message to this id would be accepted.
    ///
    /// # Errors
    /// [`SendError`] with the reason if not.
    fn accept(&self, recipient: AgentId) -> Result<(), SendError>;

    /// Returns all agents that have a name now, for an agent in another process.
    fn snapshot(&self) -> Peers;
}

impl Identity {
    /// Returns the identity of an agent with id 1 that can reach no other.
    pub fn alone() -> Self {
        Self::with_peers(Peers::default())
    }

    /// Returns the identity of an agent with id 1 that can reach `peers`.
    pub fn with_peers(peers: Peers) -> Self {
        Self { id: 1, directory: Arc::new(peers) }
    }
}

/// A fixed set of agents by name.
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
pub struct Peers(HashMap<String, AgentId>);

impl Directory for Peers {
    fn find(&self, name: &str) -> Option<AgentId> {
        self.0.get(name).copied()
    }

    fn accept(&self, recipient: AgentId) -> Result<(), SendError> {
        if self.0.values().any(|id| *id == recipient) {
            return Ok(());
        }
        Err(SendError::UnknownRecipient)
    }

    fn snapshot(&self) -> Peers {
        self.clone()
    }
}

impl<N: Into<String>> FromIterator<(N, AgentId)> for Peers {
    fn from_iter<I: IntoIterator<Item = (N, AgentId)>>(peers: I) -> Self {
        Self(peers.into_iter().map(|(n, id)| (n.into(), id)).collect())
    }
}

/// The backends: three on this machine, and agents of other hosts.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum BackendKind {
    /// The component in a sandbox.
    Wasm,
    /// The twin in this process, without isolation: the baseline.
    Native,
    /// The twin in a child process, over a Unix socket.
    Process,
    /// An agent that another host serves, on a backend of that host's choice.
    Deployed,
}

impl BackendKind {
    /// All that this machine can load a program on, in the order of reports.
    pub const ALL: [Self; 3] = [Self::Wasm, Self::Native, Self::Process];

    /// Returns the name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wasm => "wasm",
            Self::Native => "native",
            Self::Process => "process",
            Self::Deployed => "deployed",
        }
    }
}

impl fmt::Display for BackendKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for BackendKind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|kind| kind.name() == name);
        found.ok_or_else(|| {
            format!("no backend is called {name:?}; there are wasm, native, process")
        })
    }
}
