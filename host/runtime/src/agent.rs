//! The two traits behind which every way to run an agent stands.

use crate::{AgentId, CallError, Fault, Interface, Level, Message, NotOffered, SendError};
use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;

/// One loaded agent program, of which instances can be started.
pub trait Backend: Send + Sync {
    /// Which of the three ways this is.
    fn kind(&self) -> BackendKind;

    /// Whether the instances offer an optional interface. By default they offer none.
    ///
    /// # Errors
    /// [`NotOffered`] with why not.
    fn offers(&self, interface: Interface) -> Result<(), NotOffered> {
        Err(NotOffered::NotExported(interface))
    }

    /// Starts an instance, ready for its first message.
    ///
    /// # Errors
    /// [`Fault`] if the instance does not come up: no memory within its limit,
    /// a panic while it starts, no free slot in the pool.
    fn spawn(&self, identity: Identity) -> Result<Box<dyn Agent>, Fault>;

    /// Starts an instance that must not hold its thread while it waits. By default none
    /// ever waits.
    ///
    /// # Errors
    /// As [`spawn`](Self::spawn).
    fn start(&self, identity: Identity) -> Result<Started, Fault> {
        self.spawn(identity).map(Started::Sync)
    }

    /// Whether a start waits for something, so that a thread with other work should not do
    /// it: a new process takes milliseconds. By default none does.
    fn starts_slowly(&self) -> bool {
        false
    }
}

/// An instance, by the way that its messages are handled.
pub enum Started {
    /// A call holds its thread until it returns, and never waits.
    Sync(Box<dyn Agent>),
    /// A call can wait: it is a future.
    Async(Box<dyn AsyncAgent>),
}

/// An instance whose calls can wait without holding a thread.
pub trait AsyncAgent: Agent {
    /// Handles one message. The future has to be polled within a tokio runtime's context;
    /// dropping it ends the instance.
    fn call(self: Box<Self>, message: Message) -> Call;

    /// As [`Agent::handle_batch`], with a future like that of [`call`](Self::call).
    fn call_batch(self: Box<Self>, messages: Vec<Message>) -> Call<Batch>;

    /// As [`Agent::handle_parcel`], with a future like that of [`call`](Self::call).
    fn call_parcel(self: Box<Self>, message: Message) -> Call;
}

/// A call that has not returned.
pub type Call<R = Handled> = Pin<Box<dyn Future<Output = Called<R>> + Send>>;

/// What a call left.
pub struct Called<R = Handled> {
    /// The instance; if the outcome is a fault, only to be dropped.
    pub agent: Box<dyn AsyncAgent>,
    /// What came of the message, or of all of them.
    pub outcome: Result<R, CallError>,
}

/// One running instance. A [`CallError::Fault`] ends it: drop it and spawn another.
/// By default it exports none of the optional interfaces, and tells nothing of what it uses.
pub trait Agent: Send {
    /// Prepares the agent, at most once, before its first message; returns what it sent.
    ///
    /// # Errors
    /// [`CallError::Failure`] if the agent does not take the configuration.
    fn configure(&mut self, config: &[u8]) -> Result<Vec<Message>, CallError>;

    /// Handles one message.
    ///
    /// # Errors
    /// [`CallError::Failure`] if the agent answers with a failure (what it sent
    /// is then not delivered), [`CallError::Fault`] if the instance ended.
    fn handle(&mut self, message: &Message) -> Result<Handled, CallError>;

    /// Handles many messages in one crossing of the boundary.
    ///
    /// # Errors
    /// [`Fault::Unsupported`] if the agent does not export `batch`, else as [`handle`](Self::handle).
    fn handle_batch(&mut self, messages: &[Message]) -> Result<Batch, CallError> {
        let _ = messages;
        Err(Fault::Unsupported("batch".to_owned()).into())
    }

    /// Handles one message whose content stays in the host's memory: the agent reads of it
    /// what it wants, and passes it on, or answers with it, without its being copied.
    ///
    /// # Errors
    /// [`Fault::Unsupported`] if the agent does not export `parcels` or the backend does not
    /// offer it, else as [`handle`](Self::handle).
    fn handle_parcel(&mut self, message: Message) -> Result<Handled, CallError> {
        let _ = message;
        Err(Fault::Unsupported("parcels".to_owned()).into())
    }

    /// The agent's whole state.
    ///
    /// # Errors
    /// [`Fault::Unsupported`] if the agent does not export `state`, else as [`handle`](Self::handle).
    fn checkpoint(&mut self) -> Result<Vec<u8>, CallError> {
        Err(Fault::Unsupported("state".to_owned()).into())
    }

    /// Replaces the agent's state by one that [`checkpoint`](Self::checkpoint) returned.
    ///
    /// # Errors
    /// As [`checkpoint`](Self::checkpoint).
    fn restore(&mut self, state: &[u8]) -> Result<(), CallError> {
        let _ = state;
        Err(Fault::Unsupported("state".to_owned()).into())
    }

    /// What the instance has used until now.
    fn usage(&self) -> Usage {
        Usage::default()
    }

    /// Takes the lines that the last call logged, oldest first.
    fn take_log(&mut self) -> Vec<LogLine> {
        Vec::new()
    }
}

/// What handling one message brought.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Handled {
    /// The replies, in the agent's order.
    pub replies: Vec<Message>,
    /// What the agent sent to others while it ran, in order.
    pub sent: Vec<Message>,
}

/// What handling many messages in one call brought.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The replies to each message, or the failure, at the message's index.
    pub results: Vec<Result<Vec<Message>, crate::Failure>>,
    /// What the agent sent to others while it ran, in order.
    pub sent: Vec<Message>,
}

/// One line that an agent logged.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LogLine {
    /// How much it matters.
    pub level: Level,
    /// The line.
    pub text: String,
}

/// What an instance has used. A number that a backend cannot know is `None`, never zero.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Linear memory now, summed over the agent's memories, bytes.
    pub memory: Option<u64>,
    /// The most that it was, bytes.
    pub memory_peak: Option<u64>,
    /// The growths of memory that were refused since it started, also those that it survived.
    pub denials: Option<Denials>,
    /// Fuel that the last call burnt, if the sandbox config meters fuel.
    pub fuel: Option<u64>,
    /// Log lines that were dropped because they were over the budget.
    pub log_dropped: u64,
    /// Messages of the last call that were not sent: no such recipient, or over the budget.
    pub sends_refused: u32,
}

/// Growths of memory that were refused because of the limit.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Denials {
    /// How many.
    pub count: u64,
    /// The total that the last one would have led to, bytes; none of none.
    pub asked: Option<u64>,
}

/// Who an instance is, and whom it can reach.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Its id, which `self` returns.
    pub id: AgentId,
    /// Whom it can find and send to.
    pub directory: Arc<dyn Directory>,
}

/// Who can be found and written to.
pub trait Directory: Send + Sync + fmt::Debug {
    /// The id of the live agent with this name.
    fn find(&self, name: &str) -> Option<AgentId>;

    /// Whether a message to this id would be taken.
    ///
    /// # Errors
    /// [`SendError`] with why not.
    fn accept(&self, recipient: AgentId) -> Result<(), SendError>;

    /// All who have a name now, for an agent in another process.
    fn snapshot(&self) -> Peers;
}

impl Identity {
    /// An agent with id 1 that can reach nobody.
    pub fn alone() -> Self {
        Self::with_peers(Peers::default())
    }

    /// An agent with id 1 that can reach these.
    pub fn with_peers(peers: Peers) -> Self {
        Self {
            id: 1,
            directory: Arc::new(peers),
        }
    }
}

/// Agents by name, always the same.
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

/// The three ways to run an agent.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum BackendKind {
    /// The component in a sandbox.
    Wasm,
    /// The twin in this process: the floor, with no isolation.
    Native,
    /// The twin in a child process, over a Unix socket.
    Process,
}

impl BackendKind {
    /// All three, in the order that reports show them.
    pub const ALL: [Self; 3] = [Self::Wasm, Self::Native, Self::Process];

    /// The name that a person types.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wasm => "wasm",
            Self::Native => "native",
            Self::Process => "process",
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
