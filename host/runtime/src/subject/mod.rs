//! Subjects: any component that a message can be sent to.
//!
//! | kind | exports | a message is | the reply is | an instance lives for |
//! |---|---|---|---|---|
//! | agent | `sandlab:agent/agent` | the agent's own | the agent's own | many messages |
//! | service | `wasi:http/incoming-handler@0.2.*`, `wasi:http/handler@0.3.*` | [`HttpRequest`] | [`HttpResponse`] | one request, or `reuse` |
//! | command | `wasi:cli/run@0.2.*`, `@0.3.*` | [`CommandRequest`] | [`CommandResponse`] | one message |
//! | function | any other function | a call in WAVE | its result in WAVE | many messages |
//!
//! A core module that imports WASI's first preview is made a component by wasmtime's adapter: a
//! command, or what its embedded world says. Without a world it has its functions of numbers, and
//! Ruby's library is made a command.
//!
//! All stand behind [`Backend`], an agent as [`Sandbox`] and the others as [`Sandboxed`], under
//! the same sandbox config. What a message asks for and the subject does not have is a
//! [`Failure`](crate::Failure) and the instance lives on; what ends it is a
//! [`Fault`](crate::Fault). A command's exit code is part of its reply, and no fault.
//!
//! ```no_run
//! use sandlab_runtime::subject::{HttpRequest, HttpResponse, Options, load};
//! use sandlab_runtime::{Backend, Identity, Message, SandboxConfig, wasm::SandboxEngine};
//!
//! let engine = SandboxEngine::new(&SandboxConfig::default())?;
//! let subject = load(&engine, "service.wasm".as_ref(), &Options::default())?;
//! let mut instance = subject.backend.spawn(Identity::alone())?;
//! let request = Message::request(HttpRequest::default().encode());
//! let handled = instance.handle(&request)?;
//! let response: HttpResponse = serde_json::from_slice(&handled.replies[0].content)?;
//! assert_eq!(response.status, 200);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answer;
mod command;
mod core_module;
mod data;
mod delayed;
mod exit;
mod fault;
mod function;
mod http;
mod inspect;
mod instance;
mod kind;
mod known;
mod library;
mod memory;
mod module;
mod program;
mod ruby;
mod service;
mod wave;
mod write;

pub use command::{CommandRequest, CommandResponse};
pub use data::Data;
pub use fault::ResponseFault;
pub use function::Function;
pub use http::{HttpRequest, HttpResponse};
pub use inspect::{Access, Description, Import, describe};
use kind::Surface;
pub(crate) use kind::is_async;
pub use kind::{Kind, KindError, is_third};
pub use module::{Adapter, adapt};
use program::Lasting;
pub use program::Sandboxed;

use crate::wasm::identify::require_component;
use crate::wasm::{Prepared, Sandbox, SandboxEngine};
use crate::{Backend, LoadError};
use serde::Serialize;
use std::path::Path;
use std::sync::Arc;

/// The choices that a person can make about a file that is to be loaded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// The kind; `None` to find it from the exports.
    pub kind: Option<Kind>,
    /// Messages that an instance of a service, or of functions, lives for. `None` for what the
    /// kind does: one request, and as many calls as come.
    pub reuse: Option<u64>,
}

/// A file that was found to be a subject, and loaded.
#[derive(Clone)]
pub struct Subject {
    /// The kind.
    pub kind: Kind,
    /// The adapter that made it a component; `None` if it was one.
    pub adapter: Option<Adapter>,
    /// The evidence that it needs component-model async, in words; `None` if it does not.
    pub needs_async: Option<String>,
    /// Starts its instances.
    pub backend: Arc<dyn Backend>,
    program: Program,
}

/// The program behind the backend, for what only a sandboxed program can tell.
#[derive(Clone)]
enum Program {
    Agent(Arc<Sandbox>),
    Other(Arc<Sandboxed>),
}

impl Subject {
    /// Returns how it was made ready for its instances.
    pub fn prepared(&self) -> &Prepared {
        match &self.program {
            Program::Agent(sandbox) => sandbox.prepared(),
            Program::Other(sandboxed) => sandboxed.prepared(),
        }
    }

    /// Returns what starts instances that live for as many messages as come, where the kind would
    /// end them before: for whoever looks for memory that is never given back. A command's
    /// instance ends with its message all the same.
    pub fn lasting(&self) -> Arc<dyn Backend> {
        match &self.program {
            Program::Other(sandboxed) if self.kind == Kind::Service => {
                Arc::new(Lasting(sandboxed.clone()))
            }
            _ => self.backend.clone(),
        }
    }

    /// Checks that a message's content is what a subject of this kind is sent, and fits its types.
    /// An agent takes any.
    ///
    /// # Errors
    /// If it does not fit; the text says what in it.
    pub fn check(&self, content: &[u8]) -> Result<(), String> {
        match &self.program {
            Program::Agent(_) => Ok(()),
            Program::Other(sandboxed) => sandboxed.check(content),
        }
    }

    /// Checks that a stated result, in WAVE, is one that the called function can have. Other kinds have
    /// no typed results.
    ///
    /// # Errors
    /// If it is not; the text says what type was expected.
    pub fn check_result(&self, call: &[u8], result: &str) -> Result<(), String> {
        match &self.program {
            Program::Agent(_) => Ok(()),
            Program::Other(sandboxed) => sandboxed.check_result(call, result),
        }
    }

    /// Returns the functions that messages can call; none unless it is of the kind function.
    pub fn functions(&self) -> &[Function] {
        match &self.program {
            Program::Agent(_) => &[],
            Program::Other(sandboxed) => sandboxed.functions(),
        }
    }

    fn new(
        kind: Kind,
        adapter: Option<Adapter>,
        needs_async: Option<String>,
        program: Program,
    ) -> Self {
        let backend: Arc<dyn Backend> = match &program {
            Program::Agent(sandbox) => sandbox.clone(),
            Program::Other(sandboxed) => sandboxed.clone(),
        };
        Self { kind, adapter, needs_async, backend, program }
    }
}

/// Reads a component or core module, finds its kind, compiles it (or takes it from the cache)
/// and checks it.
///
/// # Errors
/// If the file is neither, is of no kind or of two, or imports what is not granted.
pub fn load(engine: &SandboxEngine, path: &Path, options: &Options) -> Result<Subject, LoadError> {
    let bytes = std::fs::read(path)
        .map_err(|source| LoadError::Unreadable { path: path.to_owned(), source })?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    load_bytes(engine, &bytes, &name, options)
}

/// Does the same as [`load`] with bytes in memory; the name is the first argument that a command
/// sees.
///
/// # Errors
/// As [`load`].
pub fn load_bytes(
    engine: &SandboxEngine,
    bytes: &[u8],
    name: &str,
    options: &Options,
) -> Result<Subject, LoadError> {
    let (component, adapter) = adapt(bytes)?;
    require_component(&component)?;
    let surface = Surface::read(&component).map_err(LoadError::Kind)?;
    let kind = surface.kind(options.kind).map_err(LoadError::Kind)?;
    let is_granted = engine.config().engine.async_components;
    surface.require_async(kind, is_granted).map_err(LoadError::Kind)?;
    let program = match kind {
        Kind::Agent => Program::Agent(Arc::new(engine.load_bytes(&component)?)),
        _ => {
            let sandboxed =
                Sandboxed::load(engine, &component, kind, &surface, options.reuse, name)?;
            Program::Other(Arc::new(sandboxed))
        }
    };
    Ok(Subject::new(kind, adapter, surface.needs_async, program))
}

/// Returns of which kind a component is; `None` if it is of none or of two, or no component.
pub fn kind_of(component: &[u8]) -> Option<Kind> {
    Kind::choose(component, None).ok()
}

/// Returns a message's content, in JSON.
fn encode(content: &impl Serialize) -> Vec<u8> {
    // Neither keys that are no text nor a writer that fails: there is nothing to go wrong.
    serde_json::to_vec(content).unwrap_or_default()
}
