//! An instance that does with memory what it is told: the vocabulary of the `allocator`
//! agent, which any agent in any language can have.

use sandlab_runtime::{Agent, Backend, CallError, Failure, Fault, Identity, Message, Usage};
use std::time::{Duration, Instant};

/// One instance.
pub struct Probe(pub Box<dyn Agent>);

impl Probe {
    /// Starts an instance without a configuration.
    ///
    /// # Errors
    /// If it does not start.
    pub fn start(backend: &dyn Backend) -> Result<Self, Fault> {
        backend.spawn(Identity::alone()).map(Self)
    }

    /// Has it do something; returns the bytes that it says it retains.
    ///
    /// # Errors
    /// If it fails, or answers with no number.
    pub fn tell(&mut self, command: &str) -> Result<u64, CallError> {
        let handled = self.0.handle(&Message::request(command.as_bytes()))?;
        let text = match handled.replies.as_slice() {
            [reply] => str::from_utf8(&reply.content).ok(),
            _ => None,
        };
        text.and_then(|text| text.parse().ok()).ok_or_else(|| {
            CallError::Failure(Failure::NotUnderstood(format!(
                "{command:?} was not answered with a number"
            )))
        })
    }

    /// Does the same as [`tell`](Self::tell), and returns the time that it took.
    ///
    /// # Errors
    /// As [`tell`](Self::tell).
    pub fn timed(&mut self, command: &str) -> Result<Duration, CallError> {
        let before = Instant::now();
        self.tell(command)?;
        Ok(before.elapsed())
    }

    /// Returns what the instance has used since it started.
    pub fn usage(&self) -> Usage {
        self.0.usage()
    }
}

/// Returns true if agents of this program have the vocabulary: one that does not answers otherwise,
/// or fails, or does not start.
pub fn understands(backend: &dyn Backend) -> bool {
    let Ok(mut probe) = Probe::start(backend) else {
        return false;
    };
    matches!(probe.tell("retain 4096"), Ok(4096)) && matches!(probe.tell("release"), Ok(0))
}
