//! The component in a sandbox.
//!
//! A [`SandboxEngine`] runs the components of one sandbox config: engine settings, pools and
//! the epoch's ticker. It loads components into [`Sandbox`]es, which spawn instances. Each
//! instance has a store of its own, because a trap poisons the whole store.

mod ahead;
mod cache;
mod capacity;
mod code;
mod compile;
mod contents;
pub mod contract;
mod engine;
pub(crate) mod exports;
pub(crate) mod fault;
pub mod identify;
pub(crate) mod imports;
mod instance;
pub mod interrupt;
pub(crate) mod layout;
mod limiter;
mod memories;
mod offered;
mod outgoing;
mod output;
pub(crate) mod pools;
mod sampler;
pub(crate) mod signature;
pub(crate) mod state;
pub(crate) mod stdio;
pub(crate) mod store;

pub use cache::{Cache, Source};
pub use capacity::{Mappings, Needs};
pub use contents::Content;
pub use engine::{EPOCH_TICK, SLOTS_A_POOL, config, pools, require_compile_threads};
pub use imports::of_names as imports_of_names;
pub use memories::Memories;
pub use offered::{NotLinked, linked};
pub use pools::Prepared;
pub use sampler::{LEFT_OUT, Sampler, Stack};

use crate::bindings::contents as contents_interface;
use crate::bindings::plain::PlainAgent;
use crate::config::{Calls, Interrupt};
use crate::{
    Agent, Backend, BackendKind, Fault, Identity, Interface, LoadError, NotOffered, SandboxConfig,
    Started,
};
use ahead::Ahead;
use capacity::Gate;
use compile::Compiled;
use exports::Exports;
use instance::Instance;
use layout::Module;
use pools::Pools;
use state::State;
use std::iter;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use wasmtime::Engine;
use wasmtime::component::{Component, HasSelf, InstancePre, Linker};

/// The version of wasmtime that runs the components.
pub const WASMTIME_VERSION: &str = "48.0.8";

/// The wasmtime engines of a sandbox config. Clones share the pools.
#[derive(Clone)]
pub struct SandboxEngine {
    /// One per pool. The first compiles.
    engines: Vec<Engine>,
    /// The same for components that the page cannot interrupt, once there are such.
    with_epochs: Arc<Mutex<Vec<Engine>>>,
    config: Arc<SandboxConfig>,
    cache: Cache,
    sampler: Option<Sampler>,
}

impl SandboxEngine {
    /// Creates the engines of a sandbox config, with the user's cache of compiled components.
    ///
    /// # Errors
    /// [`LoadError::Config`] if wasmtime cannot do what the sandbox config asks,
    /// [`LoadError::Engine`] if this machine cannot.
    pub fn new(config: &SandboxConfig) -> Result<Self, LoadError> {
        Self::with_cache(config, Cache::of_user())
    }

    /// Does the same as [`new`](Self::new) with another cache.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_cache(config: &SandboxConfig, cache: Cache) -> Result<Self, LoadError> {
        Self::create(config, cache, None)
    }

    /// Does the same as [`new`](Self::new) with engines whose guests are sampled: for a
    /// measurement, since each sample takes time of theirs.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn sampled(config: &SandboxConfig, sampler: &Sampler) -> Result<Self, LoadError> {
        Self::create(config, Cache::of_user(), Some(sampler.clone()))
    }

    fn create(
        config: &SandboxConfig,
        cache: Cache,
        sampler: Option<Sampler>,
    ) -> Result<Self, LoadError> {
        let mut config = config.clone();
        if sampler.is_some() {
            // Samples are taken where epochs are checked.
            config.interrupt = Interrupt::Epoch;
        }
        Ok(Self {
            engines: engine::engines(&config, interrupt::in_force(&config), sampler.as_ref())?,
            with_epochs: Arc::default(),
            config: Arc::new(config),
            cache,
            sampler,
        })
    }

    /// Reads, compiles (or takes from the cache) and checks a component.
    ///
    /// # Errors
    /// If the file is no component, imports what is not granted, or is not an agent.
    pub fn load(&self, path: &Path) -> Result<Sandbox, LoadError> {
        let bytes = std::fs::read(path)
            .map_err(|source| LoadError::Unreadable { path: path.to_owned(), source })?;
        self.load_bytes(&bytes)
    }

    /// Does the same as [`load`](Self::load) with a component in memory.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_bytes(&self, bytes: &[u8]) -> Result<Sandbox, LoadError> {
        let check = |component: &Component, engine: &Engine, compiled: bool| {
            imports::require_granted(component, engine, &self.config.grants)?;
            // Wasmtime checks exports only when they are called. A component in the cache was
            // checked before it was put there.
            let refusal = compiled.then(|| contract::refusal(bytes)).flatten();
            refusal.map_or(Ok(true), Err)
        };
        let program = |part: &Part| self.program(part, bytes);
        self.prepare(bytes, check, false, program).map(Sandbox)
    }

    /// Compiles a component (or takes it from the cache), checks it, and creates its program
    /// for each pool. The check returns whether the component may be put into the cache. `fiber`
    /// is whether its calls must run on fibers whatever it imports.
    pub(crate) fn prepare<P>(
        &self,
        bytes: &[u8],
        check: impl FnOnce(&Component, &Engine, bool) -> Result<bool, LoadError>,
        fiber: bool,
        program: impl Fn(&Part) -> Result<P, LoadError>,
    ) -> Result<Pools<P>, LoadError> {
        identify::require_component(bytes)?;
        let compiled = self.compile(bytes, fiber)?;
        let Compiled { ref component, was_compiled, interrupt, ref source, .. } = compiled;
        let (first, others) = compiled.engines.split_first().ok_or_else(no_pool)?;
        let is_cacheable = check(component, first, was_compiled)?;
        if was_compiled && is_cacheable {
            self.cache.put(first, source, component);
        }
        let blocking = imports::blocking(component, first);
        let fiber = match self.config.calls {
            Calls::Auto => fiber || blocking.is_some(),
            Calls::Sync => false,
            Calls::Async => true,
        };
        let layout = layout::read(bytes).ok().flatten();
        let instances = layout.and_then(|layout| layout.instances).unwrap_or_default();
        let has_page = interrupt == Interrupt::Page;
        let added = if has_page { interrupt::INSTANCES as usize } else { 0 };
        let added = iter::repeat_with(Arc::default).take(added);
        let modules: &Modules = &added.chain(instances).collect();
        let part = Part { engine: first, component, fiber, interrupt, modules };
        let mut programs = vec![Arc::new(program(&part)?)];
        for engine in others {
            let (component, _) = self.take_or_compile(engine, source)?;
            let part = Part { engine, component: &component, ..part };
            programs.push(Arc::new(program(&part)?));
        }
        let image = component.image_range();
        let prepared = Prepared {
            needs: Needs::of(component, has_page),
            calls: if fiber { Calls::Async } else { Calls::Sync },
            blocking_import: blocking,
            interrupt,
            epochs_because: compiled.epochs_because,
            compiled_size: (image.end as usize - image.start as usize) as u64,
            was_compiled,
        };
        let gate = Gate::new(&self.config, prepared.needs.memories, has_page);
        Ok(Pools::new(programs, gate, prepared))
    }

    /// Returns the linear memories that instances have of the pools now. `None` if memories are
    /// allocated on demand.
    pub fn slots_in_use(&self) -> Option<u64> {
        let has_pages = interrupt::in_force(&self.config) == Interrupt::Page;
        let own = self.engines.iter().map(|engine| slots_in_use(engine, has_pages));
        let with_epochs = self.with_epochs.lock().unwrap_or_else(PoisonError::into_inner);
        let with_epochs = with_epochs.iter().map(|engine| slots_in_use(engine, false));
        own.chain(with_epochs).sum()
    }

    /// Returns the sandbox config.
    pub(crate) fn config(&self) -> &Arc<SandboxConfig> {
        &self.config
    }

    /// Returns what samples its guests; `None` if nothing does.
    pub(crate) fn sampler(&self) -> Option<&Sampler> {
        self.sampler.as_ref()
    }

    /// Links a component for one of the pools.
    fn program(&self, part: &Part, bytes: &[u8]) -> Result<Program, LoadError> {
        let ahead = Ahead::new(&self.config, part.fiber, self.sampler.is_some());
        Program::link(part, self.config.clone(), self.sampler.clone(), ahead)
            .map_err(|error| contract::refusal(bytes).unwrap_or_else(|| unprepared(error)))
    }
}

/// A component as it was compiled for one of the pools.
#[derive(Clone, Copy)]
pub(crate) struct Part<'a> {
    pub engine: &'a Engine,
    pub component: &'a Component,
    pub fiber: bool,
    pub interrupt: Interrupt,
    pub modules: &'a Modules,
}

impl Part<'_> {
    /// Links what the rewriting has added, if it was rewritten.
    pub fn link_page(&self, linker: &mut Linker<State>) -> wasmtime::Result<()> {
        if self.interrupt == Interrupt::Page {
            return interrupt::link(linker);
        }
        Ok(())
    }
}

/// Returns the linear memories of agents in an engine's pool. `None` if it has none.
fn slots_in_use(engine: &Engine, has_pages: bool) -> Option<u64> {
    let pool = engine.pooling_allocator_metrics()?;
    let pages = if has_pages { pool.component_instances() } else { 0 };
    Some((pool.memories() as u64).saturating_sub(pages))
}

pub(crate) fn unprepared(error: wasmtime::Error) -> LoadError {
    let text = format!("{error:#}");
    // Wasmtime compares a component's instances, memories and tables with the pool's limits
    // when it compiles it.
    if text.contains("in the pooling allocator") {
        let remedy = "raise `instance-limit`, or build it of fewer parts";
        return LoadError::Prepare(format!("{text}; {remedy}"));
    }
    LoadError::Prepare(text)
}

fn no_pool() -> LoadError {
    LoadError::Config("it gives the engine no pool".to_owned())
}

fn link(part: &Part) -> wasmtime::Result<InstancePre<State>> {
    let mut linker = Linker::new(part.engine);
    if part.fiber {
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    } else {
        wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
    }
    PlainAgent::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
    contents_interface::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
    part.link_page(&mut linker)?;
    linker.instantiate_pre(part.component)
}

/// A component that was checked and linked, and what its instances share.
pub struct Sandbox(Pools<Program>);

/// The modules of a component's core instances, in their order. Empty if they are not known.
pub(crate) type Modules = Arc<[Arc<Module>]>;

/// The parts of a sandbox that its instances share.
struct Program {
    pre: InstancePre<State>,
    exports: Exports,
    /// Set if calls run on a fiber, so that a guest that waits does not hold the thread.
    fiber: bool,
    interrupt: Interrupt,
    config: Arc<SandboxConfig>,
    modules: Modules,
    sampler: Option<Sampler>,
    ahead: Arc<Ahead>,
}

impl Program {
    fn link(
        part: &Part,
        config: Arc<SandboxConfig>,
        sampler: Option<Sampler>,
        ahead: Arc<Ahead>,
    ) -> wasmtime::Result<Self> {
        let pre = link(part)?;
        Ok(Self {
            exports: Exports::find(&pre, part.fiber)?,
            pre,
            fiber: part.fiber,
            interrupt: part.interrupt,
            config,
            modules: part.modules.clone(),
            sampler,
            ahead,
        })
    }
}

impl Sandbox {
    /// Loads a component into an engine of its own.
    ///
    /// # Errors
    /// As [`SandboxEngine::new`] and [`SandboxEngine::load`].
    pub fn load(path: &Path, config: &SandboxConfig) -> Result<Self, LoadError> {
        SandboxEngine::new(config)?.load(path)
    }

    /// Returns how it was made ready for its instances.
    pub fn prepared(&self) -> &Prepared {
        &self.0.prepared
    }

    /// Returns the number of cache lines that are fetched ahead of each message, since the
    /// component has thousands of instances on few threads. `None` if there are none, or if the
    /// program does not have a [`Allocator`](crate::allocator::Allocator).
    pub fn lines_ahead(&self) -> Option<usize> {
        self.0.any().ahead.lines()
    }

    /// Returns the WIT package's worlds that the component targets, joined by "and".
    pub fn world(&self) -> String {
        self.0.any().exports.world()
    }
}

impl Backend for Sandbox {
    fn kind(&self) -> BackendKind {
        BackendKind::Wasm
    }

    fn offers(&self, interface: Interface) -> Result<(), NotOffered> {
        let has = self.0.any().exports.has(interface);
        has.then_some(()).ok_or(NotOffered::NotExported(interface))
    }

    fn spawn(&self, identity: Identity) -> Result<Box<dyn Agent>, Fault> {
        let spawn = |program| Instance::spawn(program, identity.clone());
        Ok(Box::new(self.0.start(spawn)?))
    }

    fn start(&self, identity: Identity) -> Result<Started, Fault> {
        let instance = Box::new(self.0.start(|program| ahead::start(program, identity.clone()))?);
        Ok(match self.0.prepared.calls {
            Calls::Async => Started::Async(instance),
            _ => Started::Sync(instance),
        })
    }
}
