//! Runs agents: in a WebAssembly sandbox, as native twins in this process, or
//! as twins in child processes.
//!
//! An agent is whatever exports `sandlab:agent/agent` (see the WIT files). The
//! three ways to run it stand behind one trait, [`Backend`], and give the same
//! answers in the same types; what differs is isolation and cost.
//!
//! ```no_run
//! use sandlab_runtime::{Backend, Identity, Message, SandboxConfig, wasm::Sandbox};
//!
//! let sandbox = Sandbox::load("echo.wasm".as_ref(), &SandboxConfig::default())?;
//! let mut agent = sandbox.spawn(Identity::alone())?;
//! let handled = agent.handle(&Message::request(b"hello"))?;
//! assert_eq!(handled.replies[0].content, b"hello");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod agent;
pub mod bindings;
pub mod config;
mod error;
mod interface;
pub mod messaging;
pub mod native;
mod outbox;
pub mod process;
pub mod wasm;

pub use agent::{
    Agent, AsyncAgent, Backend, BackendKind, Batch, Call, Called, Denials, Directory, Handled,
    Identity, LogLine, Peers, Started, Usage,
};
pub use bindings::types::{AgentId, Failure, Level, Message, Performative, SendError};
pub use config::SandboxConfig;
pub use error::{Budget, CallError, Fault, LoadError};
pub use interface::{Interface, NotOffered};
