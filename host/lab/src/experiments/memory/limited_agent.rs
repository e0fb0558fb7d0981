//! The subject that is put under limits: an agent on one backend, with its workload.

use crate::bundle::Subject;
use crate::experiments::memory::figure::Figure;
use crate::record::Part;
use crate::sampling::backends;
use crate::workload::Case;
use crate::workload::with_directory;
use crate::{Error, Result};
use bytesize::ByteSize;
use sandlab_runtime::subject::{Kind, adapt};
use sandlab_runtime::wasm::Memories;
use sandlab_runtime::{Agent, Backend, BackendKind, CallError, Cause, Failure, SandboxConfig};
use std::rc::Rc;
use std::sync::Arc;
use tempfile::TempDir;

/// WebAssembly's page: what linear memory grows by.
pub const PAGE: u64 = 65_536;

/// Slots of a pool that has room for what starts before the last one has been given back.
const FEWEST_SLOTS: u32 = 64;

/// The most that a 32-bit memory can have.
pub const MOST: u64 = 1 << 32;

/// An agent on one backend, to be run under one limit after another.
pub struct LimitedAgent {
    /// The agent's name in reports.
    pub agent: String,
    /// The backend that its instances run on.
    pub backend: BackendKind,
    /// The messages that it is sent, in series that each have an instance of their own.
    pub cases: Rc<[Case]>,
    /// The memories that it starts with.
    pub memories: Figure<Memories>,
    subject: Subject,
    sandbox: SandboxConfig,
    /// The temporary directory granted as `/data`; deleted when this is dropped. `None` if no case
    /// needs one.
    _directory: Option<TempDir>,
}

impl LimitedAgent {
    /// Makes sure that it loads.
    ///
    /// # Errors
    /// If it does not.
    pub fn new(
        subject: &Subject,
        backend: BackendKind,
        sandbox: &SandboxConfig,
        cases: Rc<[Case]>,
    ) -> Result<Self> {
        let (mut sandbox, directory) = with_directory(sandbox, &cases)?;
        let memories = memories(subject, backend)?;
        // As many memories as one instance and the next have: a pool of a thousand would be made
        // anew for each limit.
        let count = memories.value().map_or(sandbox.instance_limit, |memories| memories.count);
        sandbox.allocation.slots = count.saturating_mul(2).max(FEWEST_SLOTS);
        let tested = Self {
            agent: subject.name(),
            backend,
            cases,
            memories,
            subject: subject.clone(),
            sandbox,
            _directory: directory,
        };
        tested.under(MOST).map(|_| tested)
    }

    /// Returns the backend that starts its instances under a limit: in an engine of its own, whose
    /// pool has held no other's memory.
    ///
    /// # Errors
    /// If it does not load.
    pub fn under(&self, limit: u64) -> Result<Arc<dyn Backend>> {
        let mut sandbox = self.sandbox.clone();
        sandbox.memory_limit = ByteSize::b(limit);
        backends::backend(&self.subject, self.backend, &sandbox, &self.cases)
    }

    /// Starts an instance and configures it for a case.
    ///
    /// # Errors
    /// If it does not start, or does not take its configuration.
    pub fn start(&self, backend: &dyn Backend, case: &Case) -> Result<Box<dyn Agent>, CallError> {
        let mut agent = backend.spawn(case.identity())?;
        if !case.config.is_empty() {
            agent.configure(&case.config)?;
        }
        Ok(agent)
    }

    /// Returns true if it is an agent of the contract, which takes messages of any content.
    pub fn is_agent(&self) -> bool {
        self.subject.is_agent()
    }

    /// Returns whether each message has an instance of its own, as a command's has, so that nothing
    /// can gather from one to the next.
    pub fn ends_with_message(&self) -> bool {
        self.subject.kind == Some(Kind::Command)
    }

    /// Returns the size of its memories before any code runs, bytes; 0 where that is not known.
    pub fn initial(&self) -> u64 {
        self.memories.value().map_or(0, |memories| memories.initial)
    }

    /// Returns the part of a run that measures it.
    pub fn part(&self, kind: &str) -> Part {
        let last = self.cases.last();
        let size = last.map(|case| case.size.unwrap_or(case.mean_bytes() as usize));
        Part {
            backend: Some(self.backend),
            size: Some(size.unwrap_or(0)),
            ..Part::new(kind, &self.agent)
        }
    }

    /// Says at which step what failed.
    pub fn failed(&self, step: &str, source: impl Into<CallError>) -> Error {
        Error::Call {
            agent: self.agent.clone(),
            side: self.backend.to_string(),
            step: step.to_owned(),
            source: source.into(),
        }
    }

    /// Says that it answered otherwise than it must.
    pub fn wrong(&self, step: &str, reason: String) -> Error {
        Error::WrongReply {
            agent: self.agent.clone(),
            side: self.backend.to_string(),
            step: step.to_owned(),
            reason,
        }
    }
}

fn memories(subject: &Subject, backend: BackendKind) -> Result<Figure<Memories>> {
    if backend != BackendKind::Wasm {
        return Ok(Figure::unavailable("a native twin has no linear memory"));
    }
    let path = subject.component();
    let bytes = std::fs::read(&path).map_err(Error::file("read", &path))?;
    let component = adapt(&bytes).and_then(|(component, _)| Memories::of(&component));
    let read =
        component.map_err(|source| Error::Load { agent: subject.name(), backend, source })?;
    Ok(read.map_or_else(
        || Figure::unavailable("the component imports a module, whose memory is not known"),
        Figure::Measured,
    ))
}

/// Returns true if a call failed for want of memory, as far as its backend can tell: the sandbox
/// counts what it refused, of a child only its end or its own words are known, and a native twin
/// has no limit.
pub fn ran_out(backend: BackendKind, agent: &dyn Agent, error: &CallError) -> bool {
    let is_exhausted = matches!(error, CallError::Failure(Failure::Exhausted(_)));
    match (backend, error.cause()) {
        (BackendKind::Wasm, Some(Cause::OutOfMemory { .. })) => true,
        (BackendKind::Wasm, _) => agent.usage().denials.is_some_and(|d| d.count > 0),
        (BackendKind::Process, Some(Cause::ProcessEnded(_))) => true,
        (BackendKind::Process, _) => is_exhausted,
        _ => false,
    }
}
