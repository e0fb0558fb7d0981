//! Starts of what one could take instead of a sandbox.

use super::clock::Clock;
use super::found::{Method, Phase};
use super::run::Starting;
use crate::bundle::Subject;
use crate::sampling::backends;
use crate::workload::Case;
use crate::workload::with_directory;
use crate::{Error, Result};
use sandlab_runtime::{Backend, BackendKind, SandboxConfig};
use std::sync::Arc;
use std::sync::mpsc::channel;
use tempfile::TempDir;

pub struct Others {
    /// The sandbox.
    wasm: Arc<dyn Backend>,
    /// The twin in this process, or what else does the same natively.
    native: Option<Arc<dyn Backend>>,
    /// The twin in a child process.
    process: Option<Arc<dyn Backend>>,
    _directory: Option<TempDir>,
}

impl Others {
    pub fn load(subject: &Subject, sandbox: &SandboxConfig, cases: &[Case]) -> Result<Self> {
        let (sandbox, directory) = with_directory(sandbox, cases)?;
        let load = |kind| backends::backend(subject, kind, &sandbox, cases);
        Ok(Self {
            wasm: load(BackendKind::Wasm)?,
            native: subject.has_native().then(|| load(BackendKind::Native)).transpose()?,
            process: subject.twin().map(|_| load(BackendKind::Process)).transpose()?,
            _directory: directory,
        })
    }

    /// Returns the methods that there are.
    pub fn methods(&self) -> impl Iterator<Item = Method> {
        let native = self.native.as_ref().map(|_| Method::Native);
        native.into_iter().chain(self.process.as_ref().map(|_| Method::Process))
    }

    /// Starts an instance in the sandbox as any other command does, which says why one dies and what
    /// it has written. Nothing is timed.
    pub fn check(&self, what: &Starting) -> Result<()> {
        started(self.wasm.as_ref(), Clock::start(), what).map(drop)
    }

    pub fn native(&self, what: &Starting) -> Result<Clock> {
        started(self.native.as_deref().ok_or_else(missing)?, Clock::start(), what)
    }

    pub fn process(&self, what: &Starting) -> Result<Clock> {
        started(self.process.as_deref().ok_or_else(missing)?, Clock::start(), what)
    }
}

fn missing() -> Error {
    Error::Usage("there is no twin".to_owned())
}

/// Starts an instance of a backend, which takes its configuration and its first message.
pub fn started(backend: &dyn Backend, mut clock: Clock, what: &Starting) -> Result<Clock> {
    let name = backend.kind().name();
    let identity = what.case.identity();
    let spawned = backend.spawn(identity);
    let mut agent = spawned.map_err(|fault| what.failed(name, fault.into()))?;
    clock.lap(Phase::Start, 1);
    if !what.case.config.is_empty() {
        let configured = agent.configure(&what.case.config);
        configured.map_err(|error| what.failed(name, error))?;
    }
    if what.subject.is_agent() {
        clock.lap(Phase::Configure, 1);
    }
    let handled = agent.handle(&what.exchange().request);
    what.check(&handled.map_err(|error| what.failed(name, error))?, name)?;
    clock.lap(Phase::FirstReply, 1);
    drop(agent);
    clock.lap(Phase::Drop, 1);
    clock.sum();
    Ok(clock)
}

/// Times a thread that is started, answers one message, and is joined.
pub fn thread() -> Result<Clock> {
    let failed = |what: &str| Error::Machine(format!("a plain thread {what}"));
    let mut clock = Clock::start();
    let ((ask, asked), (answer, answered)) = (channel::<u64>(), channel::<u64>());
    let thread = std::thread::Builder::new()
        .spawn(move || {
            let number = asked.recv().unwrap_or_default();
            // The one who asked waits for it.
            let _ = answer.send(number + 1);
        })
        .map_err(Error::thread)?;
    clock.lap(Phase::Start, 1);
    ask.send(1).map_err(|_| failed("does not listen"))?;
    let replied = answered.recv().map_err(|_| failed("does not answer"))?;
    clock.lap(Phase::FirstReply, 1);
    thread.join().map_err(|_| failed("panicked"))?;
    clock.lap(Phase::Drop, 1);
    if replied != 2 {
        return Err(failed("answered something else"));
    }
    clock.sum();
    Ok(clock)
}
