//! What can go wrong, in the words of the person who runs the agent.

use crate::Failure;
use bytesize::ByteSize;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// Why a call did not bring what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The agent answered with a failure. It lives on.
    #[error("the agent answered: {}", describe(.0))]
    Failure(Failure),
    /// The instance ended.
    #[error(transparent)]
    Fault(#[from] Fault),
}

fn describe(failure: &Failure) -> String {
    let (kind, text) = match failure {
        Failure::NotUnderstood(text) => ("not understood", text),
        Failure::Refused(text) => ("refused", text),
        Failure::Unavailable(text) => ("unavailable", text),
        Failure::Exhausted(text) => ("exhausted", text),
        Failure::Denied(text) => ("denied", text),
        Failure::Internal(text) => ("internal failure", text),
    };
    format!("{kind}: {text}")
}

/// Why an instance ended, or did not start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, serde::Serialize, serde::Deserialize)]
pub enum Fault {
    /// The agent needed more memory than its limit and did not survive the refusal.
    #[error("out of memory: asked for {}, the limit is {}, the peak was {}; raise `memory-limit` or make the agent need less", size(*.asked), size(*.limit), size(*.peak))]
    OutOfMemory {
        /// The total that the growth would have led to, bytes.
        asked: u64,
        /// The sandbox config's limit, bytes.
        limit: u64,
        /// The most that the agent ever had, bytes.
        peak: u64,
    },
    /// The call ran longer than the sandbox config allows.
    #[error("deadline: the call ran for more than {}; raise `deadline` or send less work a message", span(*.0))]
    Deadline(Duration),
    /// The call burnt all of its fuel.
    #[error(
        "out of fuel: the call burnt all of its {0} units; raise `fuel` or send less work a message"
    )]
    OutOfFuel(u64),
    /// The guest's stack ran out.
    #[error("stack overflow: the call needed more than {} of stack; bound the recursion, or raise `stack` in the sandbox config (the component's own: `-zstack-size` when it is linked)", size(*.0))]
    StackOverflow(u64),
    /// The agent panicked.
    #[error("the agent panicked: {0}")]
    Panic(String),
    /// The agent's answer, or what it gave to the host, is larger than the sandbox config allows.
    #[error("result too large: the agent handed over more than {} in one call; raise `result-limit` or send less", size(*.0))]
    ResultTooLarge(u64),
    /// The agent asked the host for more than one of its budgets allows.
    #[error("over budget: more than {} {budget}; raise `{}` or ask for less", budget.amount(*.limit), budget.key())]
    OverBudget {
        /// Which budget.
        budget: Budget,
        /// What the sandbox config allows.
        limit: u64,
    },
    /// The agent asked to exit.
    #[error("the agent exited with status {0} instead of returning")]
    Exited(i32),
    /// Another trap, such as an access out of bounds or a division by zero.
    #[error("the agent trapped: {0}")]
    Trap(String),
    /// No instance could be started now.
    #[error("no room for another instance: {0}")]
    NoSlot(String),
    /// A resource other than memory is over the sandbox config's limit.
    #[error("over a limit: {0}")]
    OverLimit(String),
    /// The agent broke the contract in a way that the types do not rule out.
    #[error("the agent broke the contract: {0}; report it to its author")]
    Contract(String),
    /// The agent does not export what was asked for.
    #[error("the agent does not export `{0}`")]
    Unsupported(String),
    /// The child process is gone.
    #[error("the child process ended: {0}")]
    ProcessEnded(String),
    /// The instance had ended before this call.
    #[error("the instance has already ended; spawn another")]
    Ended,
    /// The host's side failed: not the agent's fault.
    #[error("the host failed: {0}")]
    Host(String),
}

/// What the host counts for an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Budget {
    /// Lines given to the log.
    LogCalls,
    /// Messages given to `send`.
    Sends,
    /// Replies.
    Replies,
    /// Handles of WASI's resources.
    Handles,
    /// Bytes of standard output and error.
    Output,
    /// Random bytes asked for at once.
    Random,
}

impl Budget {
    /// The sandbox config's key that raises it.
    pub const fn key(self) -> &'static str {
        match self {
            Self::LogCalls => "budgets.log-calls",
            Self::Sends => "budgets.sends",
            Self::Replies => "budgets.replies",
            Self::Handles => "budgets.handles",
            Self::Output => "budgets.output",
            Self::Random => "result-limit",
        }
    }

    fn amount(self, limit: u64) -> String {
        match self {
            Self::Output | Self::Random => size(limit).to_string(),
            Self::LogCalls | Self::Sends | Self::Replies | Self::Handles => limit.to_string(),
        }
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LogCalls => "lines for the log in one call",
            Self::Sends => "messages for `send` in one call",
            Self::Replies => "replies in one call",
            Self::Handles => "handles of resources at once",
            Self::Output => "of standard output in one call",
            Self::Random => "of random bytes at once",
        })
    }
}

impl CallError {
    /// The fault, if the instance ended.
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Fault(fault) => Some(fault),
            Self::Failure(_) => None,
        }
    }
}

/// Why an agent's program could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file could not be read.
    #[error("cannot read {}: {source}", .path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no component.
    #[error("not a component: it is {found}. {remedy}")]
    NotAComponent {
        /// What it is instead.
        found: String,
        /// What to do.
        remedy: String,
    },
    /// The component imports what nobody grants.
    #[error("the component imports `{import}`, which the sandbox config does not grant. {remedy}")]
    UndeclaredImport {
        /// The import's name.
        import: String,
        /// What to do.
        remedy: String,
    },
    /// The component does not export what an agent must.
    #[error(
        "the component does not export `{name}`, which an agent must: expected {expected}; it exports {found}"
    )]
    MissingExport {
        /// The export's name.
        name: String,
        /// Its signature in the WIT.
        expected: String,
        /// What there is.
        found: String,
    },
    /// An import or export has another type than the contract says.
    #[error("`{name}` has the wrong signature: expected {expected}, found {found}")]
    WrongSignature {
        /// The function's name.
        name: String,
        /// Its signature in the WIT.
        expected: String,
        /// Its signature in the component.
        found: String,
    },
    /// The component does not compile or link.
    #[error("the component cannot be prepared: {0}")]
    Prepare(String),
    /// The twin could not be loaded.
    #[error("{} is not a native twin: {reason}", .path.display())]
    NotATwin {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The child process could not be started.
    #[error("cannot start a child process for {}: {reason}", .path.display())]
    Child {
        /// Which twin.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The sandbox config asks for what no engine can do.
    #[error("the sandbox config cannot be used: {0}")]
    Config(String),
    /// This machine does not give what an engine of the sandbox config needs.
    #[error(
        "this machine cannot run the sandbox config's engine: {0}; or lower `allocation.slots`"
    )]
    Engine(String),
}

fn size(bytes: u64) -> ByteSize {
    ByteSize::b(bytes)
}

fn span(duration: Duration) -> String {
    format!("{duration:?}")
}
