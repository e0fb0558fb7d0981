//! Starts of what one could take instead of a sandbox.

use super::clock::Clock;
use super::found::Phase;
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
    /// In the twin and in a child process, if there is a twin.
    twins: Option<(Arc<dyn Backend>, Arc<dyn Backend>)>,
    _directory: Option<TempDir>,
}

impl Others {
    pub fn load(subject: &Subject, sandbox: &SandboxConfig, cases: &[Case]) -> Result<Self> {
        let (sandbox, directory) = with_directory(sandbox, cases)?;
        let load = |kind| backends::backend(subject, kind, &sandbox);
        Ok(Self {
            twins: match subject.twin() {
                Some(_) => Some((load(BackendKind::Native)?, load(BackendKind::Process)?)),
                None => None,
            },
            _directory: directory,
        })
    }

    pub fn has_twin(&self) -> bool {
        self.twins.is_some()
    }

    pub fn native(&self, what: &Starting) -> Result<Clock> {
        let twins = self.twins.as_ref().ok_or_else(missing)?;
        started(twins.0.as_ref(), what)
    }

    pub fn process(&self, what: &Starting) -> Result<Clock> {
        let twins = self.twins.as_ref().ok_or_else(missing)?;
        started(twins.1.as_ref(), what)
    }
}

fn missing() -> Error {
    Error::Usage("there is no twin".to_owned())
}

fn started(backend: &dyn Backend, what: &Starting) -> Result<Clock> {
    let name = backend.kind().name();
    let identity = what.case.identity();
    let mut clock = Clock::start();
    let spawned = backend.spawn(identity);
    let mut agent = spawned.map_err(|fault| what.failed(name, fault.into()))?;
    clock.lap(Phase::Start, 1);
    if !what.case.config.is_empty() {
        let configured = agent.configure(&what.case.config);
        configured.map_err(|error| what.failed(name, error))?;
    }
    clock.lap(Phase::Configure, 1);
    let handled = agent.handle(&what.exchange().request);
    what.check(&handled.map_err(|error| what.failed(name, error))?, name)?;
    clock.lap(Phase::FirstReply, 1);
    drop(agent);
    clock.lap(Phase::Drop, 1);
    clock.sum();
    Ok(clock)
}

/// A thread that is started, answers one message, and is joined.
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
        .map_err(|error| failed(&format!("does not start: {error}")))?;
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
