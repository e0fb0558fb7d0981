//! The component in a sandbox.
//!
//! A [`SandboxEngine`] is a profile made ready: settings, pool and ticker. It loads
//! components into [`Sandbox`]es, which spawn instances, one store each, because a trap
//! poisons the whole store.

mod cache;
mod contents;
mod engine;
mod exports;
mod fault;
mod identify;
mod imports;
mod instance;
mod limiter;
mod memories;
mod mismatch;
mod signature;
mod state;
mod stdio;

pub use cache::Cache;
pub use contents::Content;
pub use engine::{EPOCH_TICK, config};
pub use memories::Memories;

use crate::bindings::contents as contents_interface;
use crate::bindings::plain::PlainAgent;
use crate::profile::Calls;
use crate::{
    Agent, Backend, BackendKind, Fault, Identity, Interface, LoadError, NotOffered, Profile,
    Started,
};
use exports::Exports;
use instance::Instance;
use state::State;
use std::path::Path;
use std::sync::Arc;
use wasmtime::Engine;
use wasmtime::component::{Component, HasSelf, InstancePre, Linker};

/// The version of wasmtime that runs the components.
pub const WASMTIME_VERSION: &str = "48.0.8";

/// A profile made ready to load components. Clones share the pool.
#[derive(Clone)]
pub struct SandboxEngine {
    engine: Engine,
    profile: Arc<Profile>,
    cache: Cache,
}

impl SandboxEngine {
    /// Makes the engine of a profile, with the user's cache of compiled components.
    ///
    /// # Errors
    /// [`LoadError::Profile`] if the machine or wasmtime cannot do what the profile asks.
    pub fn new(profile: &Profile) -> Result<Self, LoadError> {
        Self::with_cache(profile, Cache::of_user())
    }

    /// As [`new`](Self::new), with another cache.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_cache(profile: &Profile, cache: Cache) -> Result<Self, LoadError> {
        Ok(Self {
            engine: engine::engine(profile)?,
            profile: Arc::new(profile.clone()),
            cache,
        })
    }

    /// Wasmtime's engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Reads, compiles (or takes from the cache) and checks a component.
    ///
    /// # Errors
    /// If the file is no component, imports what is not granted, or is not an agent.
    pub fn load(&self, path: &Path) -> Result<Sandbox, LoadError> {
        let bytes = std::fs::read(path).map_err(|source| LoadError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        self.load_bytes(&bytes)
    }

    /// As [`load`](Self::load), of a component in memory.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_bytes(&self, bytes: &[u8]) -> Result<Sandbox, LoadError> {
        identify::require_component(bytes)?;
        let prepare = |error: wasmtime::Error| LoadError::Prepare(format!("{error:#}"));
        let cached = self.cache.get(&self.engine, bytes);
        let compiled = cached.is_none();
        let component = match cached {
            Some(component) => component,
            None => Component::new(&self.engine, bytes).map_err(prepare)?,
        };
        imports::require_granted(&component, &self.engine, &self.profile.grants)?;
        if compiled {
            // Wasmtime checks exports only when they are called. What is in the cache has
            // been checked.
            if let Some(error) = mismatch::find(bytes) {
                return Err(error);
            }
            self.cache.put(&self.engine, bytes, &component);
        }
        let blocking = imports::blocking(&component, &self.engine);
        let fiber = match self.profile.calls {
            Calls::Auto => blocking.is_some(),
            Calls::Sync => false,
            Calls::Async => true,
        };
        let explain = |error| mismatch::find(bytes).unwrap_or_else(|| prepare(error));
        let pre = self.link(&component, fiber).map_err(explain)?;
        let exports = Exports::find(&pre, fiber).map_err(explain)?;
        Ok(Sandbox {
            program: Arc::new(Program {
                pre,
                exports,
                fiber,
                profile: self.profile.clone(),
            }),
            blocking,
            compiled,
        })
    }

    fn link(&self, component: &Component, fiber: bool) -> wasmtime::Result<InstancePre<State>> {
        let mut linker = Linker::new(&self.engine);
        if fiber {
            wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        } else {
            wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
        }
        PlainAgent::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
        contents_interface::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
        linker.instantiate_pre(component)
    }
}

/// A component that was found fit to run, and all that its instances share.
pub struct Sandbox {
    program: Arc<Program>,
    blocking: Option<String>,
    compiled: bool,
}

/// What an instance needs of the sandbox that spawned it.
struct Program {
    pre: InstancePre<State>,
    exports: Exports,
    /// Whether calls run on a fiber.
    fiber: bool,
    profile: Arc<Profile>,
}

impl Sandbox {
    /// Loads a component with an engine of its own.
    ///
    /// # Errors
    /// As [`SandboxEngine::new`] and [`SandboxEngine::load`].
    pub fn load(path: &Path, profile: &Profile) -> Result<Self, LoadError> {
        SandboxEngine::new(profile)?.load(path)
    }

    /// How calls are made: sync or async, never auto.
    pub fn calls(&self) -> Calls {
        if self.program.fiber {
            return Calls::Async;
        }
        Calls::Sync
    }

    /// The world of the WIT package that the component targets, or the worlds.
    pub fn world(&self) -> String {
        self.program.exports.world()
    }

    /// The import through which the guest can block, for which auto chooses async calls.
    pub fn blocking_import(&self) -> Option<&str> {
        self.blocking.as_deref()
    }

    /// Whether loading compiled it, or took it from the cache.
    pub fn was_compiled(&self) -> bool {
        self.compiled
    }
}

impl Backend for Sandbox {
    fn kind(&self) -> BackendKind {
        BackendKind::Wasm
    }

    fn offers(&self, interface: Interface) -> Result<(), NotOffered> {
        let has = self.program.exports.has(interface);
        has.then_some(()).ok_or(NotOffered::NotExported(interface))
    }

    fn spawn(&self, identity: Identity) -> Result<Box<dyn Agent>, Fault> {
        Ok(Box::new(Instance::spawn(self.program.clone(), identity)?))
    }

    fn start(&self, identity: Identity) -> Result<Started, Fault> {
        let instance = Box::new(Instance::spawn(self.program.clone(), identity)?);
        Ok(match self.calls() {
            Calls::Async => Started::Async(instance),
            _ => Started::Sync(instance),
        })
    }
}
