//! The faults that end an instance, with the evidence.

use crate::span;
use crate::subject::ResponseFault;
use bytesize::ByteSize;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// The end of an instance, or the failure of its start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The cause. A fault equals a [`Cause`] whatever its evidence.
    pub cause: Cause,
    /// The evidence of a fault of the guest. `None` if it happened on the host's side, or in a
    /// native twin. Boxed, so that the results of calls stay small.
    pub evidence: Option<Box<Evidence>>,
}

/// The cause of an instance's end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum Cause {
    /// The agent aborted or exited after its memory limit refused it a growth in the same call,
    /// or its first memory is larger than the limit.
    #[error("out of memory: asked for {}, the limit is {}, the peak was {}; raise `memory-limit` or make the agent need less", bytes(*.asked), bytes(*.limit), bytes(*.peak))]
    OutOfMemory {
        /// The total that the refused growth would have led to, bytes.
        asked: u64,
        /// The sandbox config's limit, bytes.
        limit: u64,
        /// The most that the agent ever had, bytes.
        peak: u64,
    },
    /// The call ran longer than the sandbox config allows.
    #[error("deadline: the call ran for more than {}; raise `deadline` or send less work per message", span(*.0))]
    Deadline(Duration),
    /// The call used all of its fuel.
    #[error(
        "out of fuel: the call used all of its {0} units; raise `fuel` or send less work per message"
    )]
    OutOfFuel(u64),
    /// One of the guest's two stacks ran out.
    #[error("stack overflow: the call needed more than the {} of {stack}; bound the recursion, or {}", bytes(*.size), stack.remedy())]
    StackOverflow {
        /// The one of the two that overflowed.
        stack: Stack,
        /// Its size, bytes.
        size: u64,
    },
    /// The agent panicked, with this message.
    #[error("the agent panicked: {0}")]
    Panic(String),
    /// The agent handed more to the host in one call than the sandbox config allows, bytes.
    #[error("result too large: the agent handed over more than {} in one call; raise `result-limit` or send less", bytes(*.0))]
    ResultTooLarge(u64),
    /// The agent asked the host for more than one of its budgets allows.
    #[error("over budget: more than {} {budget}; raise `{}` or ask for less", budget.amount(*.limit), budget.key())]
    OverBudget {
        /// The budget that ended.
        budget: Budget,
        /// The sandbox config's limit, in the budget's unit.
        limit: u64,
    },
    /// The agent exited with this status.
    #[error("the agent exited with status {0} instead of returning")]
    Exited(i32),
    /// Another trap, such as an access out of bounds or a division by zero, as the engine
    /// names it.
    #[error("the agent trapped: {0}")]
    Trap(String),
    /// No instance can be started for lack of room.
    #[error("no room for another instance: {0}")]
    NoSlot(String),
    /// A limit other than that of memory is exceeded.
    #[error("over a limit: {0}")]
    OverLimit(String),
    /// The agent broke the contract in a way that the types do not rule out.
    #[error("the agent broke the contract: {0}; report it to its author")]
    Contract(String),
    /// A service did not answer as HTTP asks.
    #[error(transparent)]
    Response(#[from] ResponseFault),
    /// The agent does not export this interface.
    #[error("the agent does not export `{0}`")]
    Unsupported(String),
    /// The child process ended.
    #[error("the child process ended: {0}")]
    ProcessEnded(String),
    /// The instance had ended before this call.
    #[error("the instance has already ended; spawn another")]
    Ended,
    /// The host failed, through no fault of the agent.
    #[error("the host failed: {0}")]
    Host(String),
}

impl Cause {
    /// Returns the name of the cause without its figures: `out-of-memory`, `panic`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::OutOfMemory { .. } => "out-of-memory",
            Self::Deadline(_) => "deadline",
            Self::OutOfFuel(_) => "out-of-fuel",
            Self::StackOverflow { .. } => "stack-overflow",
            Self::Panic(_) => "panic",
            Self::ResultTooLarge(_) => "result-too-large",
            Self::OverBudget { .. } => "over-budget",
            Self::Exited(_) => "exited",
            Self::Trap(_) => "trap",
            Self::NoSlot(_) => "no-slot",
            Self::OverLimit(_) => "over-limit",
            Self::Contract(_) => "contract",
            Self::Response(_) => "response",
            Self::Unsupported(_) => "unsupported",
            Self::ProcessEnded(_) => "process-ended",
            Self::Ended => "ended",
            Self::Host(_) => "host",
        }
    }
}

/// The two stacks of a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stack {
    /// The engine's stack: return addresses and locals, limited by the sandbox config.
    Engine,
    /// The stack in linear memory (shadow stack): variables that have an address. Its size is
    /// fixed when the component is linked.
    Linked,
}

impl Stack {
    fn remedy(self) -> &'static str {
        match self {
            Self::Engine => "raise `stack` in the sandbox config",
            Self::Linked => "link it with a larger `-zstack-size`",
        }
    }
}

impl fmt::Display for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Engine => "stack that the sandbox config gives it",
            Self::Linked => "stack that it was linked with",
        })
    }
}

/// The evidence of a fault besides its cause.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The trap as the engine names it. `None` if the host ended the call, or the cause says
    /// the same.
    pub trap: Option<String>,
    /// The address in linear memory whose access trapped. `None` if the engine does not tell:
    /// for bulk memory instructions, and in the layout `packed`.
    pub address: Option<u64>,
    /// The guest's functions that were running, the innermost first, at most
    /// [`FUNCTIONS`](Self::FUNCTIONS). One that calls itself is listed once.
    pub functions: Vec<String>,
    /// Whether the guest faulted after its answer had been read, while it freed it (`post-return`).
    pub after_answer: bool,
    /// A growth of memory that was refused in the same call and is not the cause.
    pub refused: Option<Refused>,
    /// The last lines that the guest wrote to standard error and standard output in this
    /// call, with control characters escaped.
    pub output: Vec<String>,
}

/// A growth of memory that was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// The total that it would have led to, bytes.
    pub asked: u64,
    /// The sandbox config's limit, bytes.
    pub limit: u64,
}

impl Evidence {
    /// The most functions that are kept, the innermost first.
    pub const FUNCTIONS: usize = 8;

    /// The most functions that a text names.
    const NAMED: usize = 3;

    /// Returns the trap's place, in words that follow its name.
    fn place(&self) -> String {
        let address = self.address.map(|address| format!(" at address {address:#x}"));
        let mut place = address.unwrap_or_default();
        for (number, function) in self.functions.iter().take(Self::NAMED).enumerate() {
            place += match number {
                0 => " in `",
                1 => ", called by `",
                _ => ", by `",
            };
            place += function;
            place.push('`');
        }
        place
    }

    /// Writes the evidence, in words that follow the cause.
    fn describe(&self, f: &mut fmt::Formatter<'_>, cause: &Cause) -> fmt::Result {
        match (cause, &self.trap) {
            (Cause::Trap(_), _) => f.write_str(&self.place())?,
            // The functions are those of the language's runtime, and the output has the place.
            (Cause::Panic(_), _) => {}
            (_, trap) => {
                let place = trap.clone().unwrap_or_default() + &self.place();
                if !place.is_empty() {
                    write!(f, " ({})", place.trim_start())?;
                }
            }
        }
        if self.after_answer {
            f.write_str("; this was after the answer, in its post-return")?;
        }
        if let Some(Refused { asked, limit }) = self.refused {
            let (asked, limit) = (bytes(asked), bytes(limit));
            write!(
                f,
                "; in this call a growth of its memory to {asked} had been refused, the limit is \
                 {limit}"
            )?;
        }
        let is_new = |line: &&String| match cause {
            Cause::Panic(message) => !message.contains(line.as_str()),
            _ => true,
        };
        let lines: Vec<_> = self.output.iter().filter(is_new).map(String::as_str).collect();
        if !lines.is_empty() {
            write!(f, "; its last output: {}", lines.join(" | "))?;
        }
        Ok(())
    }
}

impl Fault {
    /// Returns the last lines that the guest wrote to standard error and standard output in the
    /// call that ended it. Empty if it wrote nothing.
    pub fn output(&self) -> &[String] {
        self.evidence.as_ref().map_or(&[], |known| &known.output)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.cause)?;
        match &self.evidence {
            Some(evidence) => evidence.describe(f, &self.cause),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Fault {}

impl From<Cause> for Fault {
    fn from(cause: Cause) -> Self {
        Self { cause, evidence: None }
    }
}

/// A fault equals its cause, whatever the evidence.
impl PartialEq<Cause> for Fault {
    fn eq(&self, cause: &Cause) -> bool {
        self.cause == *cause
    }
}

/// A use of the host that is counted per call or per agent, and limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Returns the sandbox config's key that raises the limit.
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
            Self::Output | Self::Random => bytes(limit).to_string(),
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
            Self::Output => "of standard output and error in one call",
            Self::Random => "of random bytes at once",
        })
    }
}

fn bytes(count: u64) -> ByteSize {
    ByteSize::b(count)
}
