//! The reference side of every ratio: wasmtime by hand, with nothing of sandlab-runtime
//! in it but the engine's settings, so that a difference can only come from what
//! sandlab-runtime adds. Written to be read by a sceptic.

use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{Config, Engine, Result, Store};
use wasmtime_wasi::{ResourceTable, WasiCtx, WasiCtxView, WasiView};

mod bindings {
    #![allow(missing_docs)]
    wasmtime::component::bindgen!({ path: "../wit", world: "plain-agent" });
}

pub use bindings::sandlab::agent::types::{Message, Performative};
use bindings::sandlab::agent::{host, types};
use bindings::{PlainAgent, PlainAgentPre};

/// A component, linked and ready to be instantiated.
pub struct Reference {
    engine: Engine,
    agent: PlainAgentPre<Host>,
}

/// An instance in a store of its own.
pub struct Instance {
    store: Store<Host>,
    agent: PlainAgent,
}

impl Reference {
    /// Compiles and links.
    ///
    /// # Errors
    /// Wasmtime's.
    pub fn load(component: &[u8], config: &Config) -> Result<Self> {
        let engine = Engine::new(config)?;
        let component = Component::new(&engine, component)?;
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
        PlainAgent::add_to_linker::<_, HasSelf<Host>>(&mut linker, |host| host)?;
        let agent = PlainAgentPre::new(linker.instantiate_pre(&component)?)?;
        Ok(Self { engine, agent })
    }

    /// Makes a store and instantiates.
    ///
    /// # Errors
    /// Wasmtime's.
    pub fn spawn(&self) -> Result<Instance> {
        let host = Host {
            wasi: WasiCtx::builder().build(),
            table: ResourceTable::new(),
        };
        let mut store = Store::new(&self.engine, host);
        // Epochs are one of the settings; this engine's never advances.
        store.set_epoch_deadline(1);
        let agent = self.agent.instantiate(&mut store)?;
        Ok(Instance { store, agent })
    }
}

impl Instance {
    /// Calls `handle` and returns the replies' number and bytes.
    ///
    /// # Errors
    /// Wasmtime's, or a failure of the agent.
    pub fn handle(&mut self, message: &Message) -> Result<(usize, usize)> {
        let agent = self.agent.sandlab_agent_agent();
        let replies = agent.call_handle(&mut self.store, message)?;
        let replies = replies.map_err(|failure| wasmtime::Error::msg(failure.to_string()))?;
        Ok((
            replies.len(),
            replies.iter().map(|reply| reply.content.len()).sum(),
        ))
    }
}

/// A request with this content.
pub fn request(content: Vec<u8>) -> Message {
    Message {
        id: 1,
        conversation: 1,
        in_reply_to: None,
        sender: 0,
        recipient: 0,
        performative: Performative::Request,
        content,
    }
}

struct Host {
    wasi: WasiCtx,
    table: ResourceTable,
}

impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl types::Host for Host {}

impl host::Host for Host {
    fn send(&mut self, _message: Message) -> std::result::Result<(), host::SendError> {
        Err(host::SendError::UnknownRecipient)
    }

    fn log(&mut self, _level: host::Level, _text: String) {}

    fn self_(&mut self) -> u64 {
        1
    }

    fn find(&mut self, _name: String) -> Option<u64> {
        None
    }
}
