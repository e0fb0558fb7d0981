//! A component of any kind but the agent's, made ready to be instantiated.

use super::Kind;
use super::command::{Command, CommandRequest};
use super::function::{Function, Functions};
use super::http::HttpRequest;
use super::instance::Running;
use super::kind::{Surface, is_third};
use super::service::Service;
use crate::config::{Calls, Interrupt};
use crate::wasm::pools::Pools;
use crate::wasm::state::State;
use crate::wasm::{Modules, Part, Prepared, Sampler, SandboxEngine, imports, unprepared};
use crate::{Agent, Backend, BackendKind, Fault, Identity, LoadError, SandboxConfig, Started};
use std::sync::Arc;
use wasmtime::Engine;
use wasmtime::component::{Component, InstancePre, Linker};

/// A component that was found fit to run as a subject of its kind, and all that its instances
/// share.
pub struct Sandboxed(Pools<Program>);

/// The parts of the loaded component that all its instances share.
pub(super) struct Program {
    pub pre: InstancePre<State>,
    pub entry: Entry,
    /// Set if calls run on a fiber, so that a guest that waits does not hold the thread.
    pub fiber: bool,
    pub interrupt: Interrupt,
    /// Messages that an instance lives for.
    pub messages: u64,
    pub config: Arc<SandboxConfig>,
    pub modules: Modules,
    pub sampler: Option<Sampler>,
}

/// The export that messages go to, by kind.
pub(super) enum Entry {
    Service(Service),
    Command(Command),
    Functions(Functions),
}

impl Entry {
    pub fn kind(&self) -> Kind {
        match self {
            Self::Service(_) => Kind::Service,
            Self::Command(_) => Kind::Command,
            Self::Functions(_) => Kind::Function,
        }
    }
}

impl Sandboxed {
    pub(super) fn load(
        engine: &SandboxEngine,
        component: &[u8],
        kind: Kind,
        surface: &Surface,
        reuse: Option<u64>,
        name: &str,
    ) -> Result<Self, LoadError> {
        let (config, sampler) = (engine.config(), engine.sampler());
        let waits = match kind {
            _ if surface.needs_async.is_some() => Some("async calls wait"),
            Kind::Service => Some("a service's calls wait for whoever reads its response"),
            _ => None,
        };
        if let Some(waits) = waits.filter(|_| config.calls == Calls::Sync) {
            let remedy = "set `calls` to \"auto\" or \"async\"";
            return Err(LoadError::Config(format!("{waits}; {remedy}")));
        }
        let has_third = |interface: &str| {
            surface.exports.iter().any(|name| name.starts_with(interface) && is_third(name))
        };
        let messages = match kind {
            Kind::Command => 1,
            Kind::Service => reuse.unwrap_or(1),
            Kind::Function | Kind::Agent => reuse.unwrap_or(u64::MAX),
        };
        let check = |component: &Component, engine: &Engine, _| {
            imports::require_wasi(component, engine, &config.grants)?;
            // An agent that the cache has is taken for one whose signatures were checked.
            let parts = component.component_type();
            let mut exports = parts.exports(engine);
            Ok(!exports.any(|(name, _)| name.starts_with("sandlab:agent/")))
        };
        let program = |part: &Part| {
            let &Part { engine, component: compiled, fiber, interrupt, modules } = part;
            let pre = link(part, config.engine.async_components).map_err(unprepared)?;
            let entry = match kind {
                Kind::Service => {
                    let is_third = has_third("wasi:http/handler@");
                    Entry::Service(Service::find(&pre, is_third).map_err(unprepared)?)
                }
                Kind::Command => {
                    let is_third = has_third("wasi:cli/run@");
                    let found = Command::find(&pre, fiber, is_third, name);
                    Entry::Command(found.map_err(unprepared)?)
                }
                Kind::Function | Kind::Agent => {
                    Entry::Functions(Functions::find(compiled, engine, fiber, component)?)
                }
            };
            Ok(Program {
                pre,
                entry,
                fiber,
                interrupt,
                messages,
                config: config.clone(),
                modules: modules.clone(),
                sampler: sampler.cloned(),
            })
        };
        let pools = engine.prepare(component, check, waits.is_some(), program)?;
        Ok(Self(pools))
    }

    /// Returns the kind that the component was loaded as.
    pub fn subject_kind(&self) -> Kind {
        self.0.any().entry.kind()
    }

    /// Returns how it was made ready for its instances.
    pub fn prepared(&self) -> &Prepared {
        &self.0.prepared
    }

    /// Returns the functions that can be called; empty unless it is of the kind function.
    pub fn functions(&self) -> &[Function] {
        match &self.0.any().entry {
            Entry::Functions(functions) => functions.list(),
            _ => &[],
        }
    }

    /// Checks that a message's content is one of this kind, and fits the component's types.
    ///
    /// # Errors
    /// If it is not, or does not fit; the text says what in it.
    pub fn check(&self, content: &[u8]) -> Result<(), String> {
        match &self.0.any().entry {
            Entry::Service(_) => HttpRequest::check(content),
            Entry::Command(_) => CommandRequest::check(content),
            Entry::Functions(functions) => functions.check(content),
        }
    }

    /// Checks that a function's stated result is one that it can have.
    ///
    /// # Errors
    /// If it is not; the text says what type was expected. Other kinds have no typed results.
    pub fn check_result(&self, call: &[u8], result: &str) -> Result<(), String> {
        match &self.0.any().entry {
            Entry::Functions(functions) => functions.check_result(call, result),
            _ => Ok(()),
        }
    }

    fn instantiate(&self, identity: Identity, messages: u64) -> Result<Running, Fault> {
        self.0.start(|program| Running::spawn(program, identity.clone(), messages))
    }

    fn start(&self, identity: Identity, messages: u64) -> Result<Started, Fault> {
        let running = Box::new(self.instantiate(identity, messages)?);
        Ok(match self.0.prepared.calls {
            Calls::Async => Started::Async(running),
            _ => Started::Sync(running),
        })
    }

    fn messages(&self) -> u64 {
        self.0.any().messages
    }
}

/// Links WASI 0.2 with HTTP, and WASI 0.3 where component-model async is granted.
fn link(part: &Part, async_components: bool) -> wasmtime::Result<InstancePre<State>> {
    let mut linker = Linker::new(part.engine);
    if part.fiber {
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    } else {
        wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
        wasmtime_wasi_http::p2::add_only_http_to_linker_sync(&mut linker)?;
    }
    if async_components {
        wasmtime_wasi::p3::add_to_linker(&mut linker)?;
        wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
    }
    part.link_page(&mut linker)?;
    linker.instantiate_pre(part.component)
}

impl Backend for Sandboxed {
    fn kind(&self) -> BackendKind {
        BackendKind::Wasm
    }

    fn spawn(&self, identity: Identity) -> Result<Box<dyn Agent>, Fault> {
        Ok(Box::new(self.instantiate(identity, self.messages())?))
    }

    fn start(&self, identity: Identity) -> Result<Started, Fault> {
        self.start(identity, self.messages())
    }
}

/// A program whose instances live for as many messages as come.
pub(super) struct Lasting(pub Arc<Sandboxed>);

impl Backend for Lasting {
    fn kind(&self) -> BackendKind {
        BackendKind::Wasm
    }

    fn spawn(&self, identity: Identity) -> Result<Box<dyn Agent>, Fault> {
        Ok(Box::new(self.0.instantiate(identity, u64::MAX)?))
    }

    fn start(&self, identity: Identity) -> Result<Started, Fault> {
        self.0.start(identity, u64::MAX)
    }
}
