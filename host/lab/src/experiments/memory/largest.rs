//! The largest allocation that succeeds, found by bisection to the byte, and the outcome of a
//! larger one.

use crate::experiments::memory::bisect::boundary;
use crate::experiments::memory::figure::Figure;
use crate::experiments::memory::limited_agent::PAGE;
use crate::experiments::memory::probe::Probe;
use sandlab_runtime::{Backend, BackendKind, CallError, Cause, Denials, Fault};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The largest allocations under a limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Largest {
    /// Bytes that the limit leaves to an agent that is ready, as the limiter counts. The bisection
    /// does not know this number, so it checks the result. Null where only the kernel counts.
    pub room: Option<u64>,
    /// By an allocation that reports a refusal to the agent (`try-allocate`).
    pub fallible: Figure<Allocation>,
    /// By an allocation whose refusal ends the agent, as in most programs (`allocate`).
    pub infallible: Figure<Allocation>,
}

/// One way to allocate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Allocation {
    /// The largest that succeeded, bytes; one byte more did not.
    pub largest: u64,
    /// The outcome of a larger allocation.
    pub beyond: Outcome,
    /// Bytes by which that allocation was larger: a page, or more where one page did not fail.
    pub further: u64,
    /// The refused growths of that allocation; null where the backend does not count them.
    #[schemars(with = "Option<BTreeMap<String, serde_json::Value>>")]
    pub denials: Option<Denials>,
}

/// The outcome of an allocation that was too large.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "outcome", content = "text", rename_all = "kebab-case")]
pub enum Outcome {
    /// It was refused, said so, and lives on.
    Survived(String),
    /// It was refused, and ended itself.
    Aborted(String),
    /// It ended for another reason.
    Trapped(String),
}

impl Outcome {
    /// Returns the outcome that an error of a call stands for.
    pub fn of(error: &CallError) -> Self {
        let text = error.to_string();
        match error {
            CallError::Failure(_) => Self::Survived(text),
            CallError::Fault(Fault {
                cause: Cause::OutOfMemory { .. } | Cause::ProcessEnded(_),
                ..
            }) => Self::Aborted(text),
            CallError::Fault(_) => Self::Trapped(text),
        }
    }

    /// Returns the agent's reply, or the text of its end.
    pub fn text(&self) -> &str {
        match self {
            Self::Survived(text) | Self::Aborted(text) | Self::Trapped(text) => text,
        }
    }

    /// Returns the outcome in words, such as `refused, lives on`.
    pub fn describe(&self) -> &'static str {
        match self {
            Self::Survived(_) => "refused, lives on",
            Self::Aborted(_) => "refused, aborts",
            Self::Trapped(_) => "traps",
        }
    }
}

/// Finds both allocations, with a new instance for every probe, since an allocator keeps memory
/// that it once had from the host.
///
/// # Errors
/// If an instance does not start.
pub fn largest(backend: &dyn Backend, limit: u64) -> Result<Largest, Fault> {
    let ready = Probe::start(backend)?.usage().memory;
    let linear = ready.filter(|_| backend.kind() == BackendKind::Wasm);
    Ok(Largest {
        room: linear.map(|ready| limit.saturating_sub(ready)),
        fallible: allocation(backend, "try-allocate", limit)?,
        infallible: allocation(backend, "allocate", limit)?,
    })
}

fn allocation(
    backend: &dyn Backend,
    command: &str,
    limit: u64,
) -> Result<Figure<Allocation>, Fault> {
    let ask = |bytes: u64| -> Result<_, Fault> {
        let mut probe = Probe::start(backend)?;
        let answer = probe.tell(&format!("{command} {bytes}"));
        Ok((answer, probe.usage().denials))
    };
    let succeeds = |bytes| ask(bytes).map(|(answer, _)| answer.is_ok());
    if !succeeds(0)? {
        return Ok(Figure::unavailable(format!("`{command} 0` is already refused")));
    }
    if succeeds(limit + 1)? {
        return Ok(Figure::unavailable(format!("`{command}` of more than the limit succeeds")));
    }
    let largest = boundary(0, limit + 1, succeeds)?;
    let furthest = furthest(backend.kind());
    let mut further = PAGE;
    while further <= furthest {
        if let (Err(error), denials) = ask(largest + further)? {
            return Ok(Figure::Measured(Allocation {
                largest,
                beyond: Outcome::of(&error),
                further,
                denials,
            }));
        }
        further *= 2;
    }
    Ok(Figure::unavailable(format!(
        "`{command}` of {largest} bytes is the most in one place, and {furthest} more succeed: it \
         does not depend on the size alone"
    )))
}

/// Returns the number of bytes beyond the largest allocation that must be refused. A sandbox counts
/// to the page. A child gets more or less under its limit, depending on where the kernel placed its
/// heap, so that one may get what another was refused.
fn furthest(kind: BackendKind) -> u64 {
    match kind {
        BackendKind::Process => 16 * PAGE,
        BackendKind::Wasm | BackendKind::Native | BackendKind::Deployed => PAGE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sandlab_runtime::{Agent, Failure, Handled, Identity, Message};

    /// Allocates up to a threshold, and no more.
    struct Fake(u64);

    impl Backend for Fake {
        fn kind(&self) -> BackendKind {
            BackendKind::Process
        }

        fn spawn(&self, _identity: Identity) -> Result<Box<dyn Agent>, Fault> {
            Ok(Box::new(Self(self.0)))
        }
    }

    impl Agent for Fake {
        fn configure(&mut self, _config: &[u8]) -> Result<Vec<Message>, CallError> {
            Ok(Vec::new())
        }

        fn handle(&mut self, message: &Message) -> Result<Handled, CallError> {
            let text = str::from_utf8(&message.content).unwrap();
            let (command, bytes) = text.split_once(' ').unwrap();
            if bytes.parse::<u64>().unwrap() <= self.0 {
                return Ok(Handled { replies: vec![Message::request(b"0")], sent: Vec::new() });
            }
            Err(match command {
                "try-allocate" => CallError::Failure(Failure::Exhausted(bytes.to_owned())),
                _ => Cause::ProcessEnded("signal: 6".to_owned()).into(),
            })
        }
    }

    #[test]
    fn the_threshold_of_an_agent_is_found_to_the_byte() {
        for threshold in [0, 1, 65_535, 9_000_001, 10_000_000] {
            let found = largest(&Fake(threshold), 10_000_000).unwrap();
            let (fallible, infallible) = (found.fallible, found.infallible);
            assert_eq!(fallible.value().unwrap().largest, threshold);
            let beyond = &infallible.value().unwrap().beyond;
            assert!(matches!(beyond, Outcome::Aborted(_)), "{beyond:?}");
            assert_eq!(infallible.value().unwrap().largest, threshold);
        }
    }

    #[test]
    fn what_is_never_refused_has_no_largest() {
        let found = largest(&Fake(u64::MAX), 10_000_000).unwrap();
        let why = found.fallible.why_not().unwrap();
        assert!(why.contains("more than the limit succeeds"), "{why}");
    }
}
