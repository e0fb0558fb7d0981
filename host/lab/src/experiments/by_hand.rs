//! Wasmtime by hand: the reference side of every ratio, and the rungs of the ladder.
//!
//! There is nothing of sandlab-runtime in here but the engine's settings and the types
//! that are generated from the WIT files, so that a difference between the two can only
//! come from what sandlab-runtime adds. Written to be read by a sceptic.

use sandlab_runtime::bindings::{host, types};
use sandlab_runtime::config::{Access, DirectoryGrant};
use sandlab_runtime::{
    Agent, Backend, BackendKind, CallError, Cause, Directory, Fault, Handled, Identity, Level,
    Message, SandboxConfig, SendError, wasm,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use wasmtime::component::{Component, HasSelf, Linker, ResourceType};
use wasmtime::{Engine, Error, ResourceLimiter, Result, Store};
use wasmtime_wasi::{FsPerms, ResourceTable, WasiCtx, WasiCtxView, WasiView};

/// Links functions that are never called: an agent that can also be handed its messages without
/// copies imports them, and here it is called by value.
fn leave_contents_out(linker: &mut Linker<Host>) -> Result<()> {
    const FUNCTIONS: [&str; 4] =
        ["[constructor]content", "[method]content.len", "[method]content.read", "send"];
    let mut contents = linker.instance("sandlab:agent/contents@0.1.0")?;
    contents.resource("content", ResourceType::host::<()>(), |_, _| Ok(()))?;
    for name in FUNCTIONS {
        contents.func_new(name, |_, _, _, _| Err(Error::msg("calls are by value here")))?;
    }
    Ok(())
}

/// The contract, for calls on the caller's stack.
mod sync {
    #![allow(missing_docs)]
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "plain-agent",
        with: {
            "sandlab:agent/types": sandlab_runtime::bindings::types,
            "sandlab:agent/host": sandlab_runtime::bindings::host,
        },
    });
}

/// The contract, for calls on a fiber.
mod fiber {
    #![allow(missing_docs)]
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "plain-agent",
        exports: { default: async },
        with: {
            "sandlab:agent/types": sandlab_runtime::bindings::types,
            "sandlab:agent/host": sandlab_runtime::bindings::host,
        },
    });
}

/// The parts of a sandbox that are turned on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Knobs {
    /// A limiter that is asked before memory or a table grows.
    pub limiter: bool,
    /// A deadline for each call, checked by the guest at loops and function entries.
    pub epochs: bool,
    /// Fuel for each call, counted by the guest.
    pub fuel: bool,
    /// The call runs on a fiber, under a timeout.
    pub fiber: bool,
    /// WASI is linked, in place of imports that trap.
    pub wasi: bool,
}

/// A component, compiled and linked for one set of knobs.
pub struct ByHand {
    engine: Engine,
    knobs: Knobs,
    directories: Vec<DirectoryGrant>,
    sync: sync::PlainAgentPre<Host>,
    fiber: fiber::PlainAgentPre<Host>,
}

/// A store that has no instance yet.
pub struct Room(Store<Host>);

/// An instance in a store of its own.
pub struct Instance {
    store: Store<Host>,
    knobs: Knobs,
    calls: Calls,
}

/// The exports, for one of the two ways to call them.
enum Calls {
    Sync(sync::PlainAgent),
    Fiber(fiber::PlainAgent, Runtime),
}

/// Far more time and fuel than a measured call takes: they cost, and stop nothing.
const TICKS: u64 = 1 << 40;
const FUEL: u64 = 1 << 40;
const TIMEOUT: Duration = Duration::from_secs(60);

impl ByHand {
    /// Compiles and links a component, with the engine's settings of a sandbox config.
    ///
    /// # Errors
    /// Wasmtime's.
    pub fn load(component: &[u8], sandbox: &SandboxConfig, knobs: Knobs) -> Result<Self> {
        let engine = Self::engine(sandbox, knobs)?;
        let component = Component::new(&engine, component)?;
        Self::link(&engine, &component, sandbox, knobs)
    }

    /// Returns an engine with the settings of a sandbox config.
    ///
    /// # Errors
    /// Wasmtime's.
    pub fn engine(sandbox: &SandboxConfig, knobs: Knobs) -> Result<Engine> {
        wasm::require_compile_threads()?;
        let mut config = wasm::config(sandbox).map_err(|error| Error::msg(error.to_string()))?;
        config.epoch_interruption(knobs.epochs);
        config.consume_fuel(knobs.fuel);
        Engine::new(&config)
    }

    /// Links a component that the engine has compiled.
    ///
    /// # Errors
    /// Wasmtime's.
    pub fn link(
        engine: &Engine,
        component: &Component,
        sandbox: &SandboxConfig,
        knobs: Knobs,
    ) -> Result<Self> {
        let mut linker = Linker::new(engine);
        leave_contents_out(&mut linker)?;
        sync::PlainAgent::add_to_linker::<_, HasSelf<Host>>(&mut linker, |host| host)?;
        match (knobs.wasi, knobs.fiber) {
            (true, false) => wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?,
            (true, true) => wasmtime_wasi::p2::add_to_linker_async(&mut linker)?,
            (false, _) => linker.define_unknown_imports_as_traps(component)?,
        }
        let pre = linker.instantiate_pre(component)?;
        Ok(Self {
            engine: engine.clone(),
            knobs,
            directories: sandbox.grants.directories.clone(),
            sync: sync::PlainAgentPre::new(pre.clone())?,
            fiber: fiber::PlainAgentPre::new(pre)?,
        })
    }

    /// Makes a store, and instantiates the component in it.
    ///
    /// # Errors
    /// Wasmtime's: the component does not start, for example because it needs WASI to.
    pub fn instantiate(&self, peers: Arc<dyn Directory>) -> Result<Instance> {
        self.instantiate_in(self.store(peers)?)
    }

    /// Makes a store.
    ///
    /// # Errors
    /// If a granted directory cannot be opened.
    pub fn store(&self, peers: Arc<dyn Directory>) -> Result<Room> {
        let mut store = Store::new(&self.engine, Host::new(peers, &self.directories)?);
        if self.knobs.limiter {
            store.limiter(|host| host);
        }
        arm(&mut store, self.knobs)?;
        Ok(Room(store))
    }

    /// Instantiates the component in a store.
    ///
    /// # Errors
    /// As [`instantiate`](Self::instantiate).
    pub fn instantiate_in(&self, Room(mut store): Room) -> Result<Instance> {
        let calls = if self.knobs.fiber {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            let agent = on_fiber(&runtime, self.fiber.instantiate_async(&mut store))?;
            Calls::Fiber(agent, runtime)
        } else {
            Calls::Sync(self.sync.instantiate(&mut store)?)
        };
        Ok(Instance { store, knobs: self.knobs, calls })
    }
}

impl Instance {
    /// Calls `handle`, and returns the replies.
    ///
    /// # Errors
    /// Wasmtime's, or the agent's failure.
    pub fn call(&mut self, message: &Message) -> Result<Vec<Message>> {
        arm(&mut self.store, self.knobs)?;
        let store = &mut self.store;
        let replies = match &self.calls {
            Calls::Sync(agent) => agent.sandlab_agent_agent().call_handle(store, message),
            Calls::Fiber(agent, runtime) => {
                let agent = agent.sandlab_agent_agent();
                on_fiber(runtime, agent.call_handle(store, message))
            }
        }?;
        replies.map_err(|failure| Error::msg(failure.to_string()))
    }

    /// Calls `configure`.
    ///
    /// # Errors
    /// Wasmtime's, or the agent's failure.
    pub fn call_configure(&mut self, config: &[u8]) -> Result<()> {
        arm(&mut self.store, self.knobs)?;
        let store = &mut self.store;
        let answer = match &self.calls {
            Calls::Sync(agent) => agent.sandlab_agent_agent().call_configure(store, config),
            Calls::Fiber(agent, runtime) => {
                let agent = agent.sandlab_agent_agent();
                on_fiber(runtime, agent.call_configure(store, config))
            }
        }?;
        answer.map_err(|failure| Error::msg(failure.to_string()))
    }
}

/// Gives the next call its time and its fuel.
fn arm(store: &mut Store<Host>, knobs: Knobs) -> Result<()> {
    if knobs.epochs {
        store.set_epoch_deadline(TICKS);
    }
    if knobs.fuel {
        store.set_fuel(FUEL)?;
    }
    Ok(())
}

fn on_fiber<R>(runtime: &Runtime, call: impl Future<Output = Result<R>>) -> Result<R> {
    let timed = runtime.block_on(async { tokio::time::timeout(TIMEOUT, call).await });
    timed.unwrap_or_else(|_| Err(Error::msg("the call took more than a minute")))
}

/// The least that a host must have for an agent that computes or sends.
struct Host {
    peers: Arc<dyn Directory>,
    sent: Vec<Message>,
    memory: usize,
    wasi: WasiCtx,
    table: ResourceTable,
}

impl Host {
    fn new(peers: Arc<dyn Directory>, directories: &[DirectoryGrant]) -> Result<Self> {
        let mut wasi = WasiCtx::builder();
        for granted in directories {
            let permissions = match granted.access {
                Access::Read => FsPerms::ReadOnly,
                Access::Write => FsPerms::ReadWrite,
            };
            wasi.preopened_dir(&granted.host, &granted.guest, permissions)?;
        }
        Ok(Self {
            peers,
            sent: Vec::new(),
            memory: 0,
            wasi: wasi.build(),
            table: ResourceTable::new(),
        })
    }
}

impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

/// Counts as a limiter must, and refuses nothing that fits in 4 GiB.
impl ResourceLimiter for Host {
    fn memory_growing(&mut self, now: usize, wanted: usize, _: Option<usize>) -> Result<bool> {
        self.memory += wanted - now;
        Ok(self.memory <= 1 << 32)
    }

    fn table_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> Result<bool> {
        Ok(true)
    }
}

impl types::Host for Host {}

impl host::Host for Host {
    fn send(&mut self, message: Message) -> Result<std::result::Result<(), SendError>> {
        let accepted = self.peers.accept(message.recipient);
        if accepted.is_ok() {
            self.sent.push(message);
        }
        Ok(accepted)
    }

    fn log(&mut self, _level: Level, _text: String) -> Result<()> {
        Ok(())
    }

    fn self_(&mut self) -> u64 {
        1
    }

    fn find(&mut self, name: String) -> Option<u64> {
        self.peers.find(&name)
    }
}

/// So that the ladder can treat a rung as it treats every backend.
impl Backend for ByHand {
    fn kind(&self) -> BackendKind {
        BackendKind::Wasm
    }

    fn spawn(&self, identity: Identity) -> std::result::Result<Box<dyn Agent>, Fault> {
        let instance = self.instantiate(identity.directory).map_err(fault)?;
        Ok(Box::new(instance))
    }
}

impl Agent for Instance {
    fn configure(&mut self, config: &[u8]) -> std::result::Result<Vec<Message>, CallError> {
        self.call_configure(config).map_err(fault)?;
        Ok(std::mem::take(&mut self.store.data_mut().sent))
    }

    fn handle(&mut self, message: &Message) -> std::result::Result<Handled, CallError> {
        let replies = self.call(message).map_err(fault)?;
        let sent = std::mem::take(&mut self.store.data_mut().sent);
        Ok(Handled { replies, sent })
    }
}

fn fault(error: Error) -> Fault {
    Cause::Trap(error.root_cause().to_string()).into()
}
