//! Runs agents: in a WebAssembly sandbox, as native twins in this process, or
//! as twins in child processes.
//!
//! An agent is a component that exports `sandlab:agent/agent` (see the WIT files). The three
//! ways to run it implement one trait, [`Backend`], and return the same types; they differ in
//! isolation and cost. [`messaging`] runs many agents on a few threads, and passes messages
//! between them and to clients.
//!
//! The folder `examples` has complete programs. One call of one agent:
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
pub mod allocator;
pub mod bindings;
pub mod child;
pub mod config;
mod error;
mod fault;
mod interface;
pub mod limits;
mod message;
pub mod messaging;
pub mod native;
mod not_started;
mod outbox;
mod prefetch;
pub mod process;
mod span;
pub mod subject;
pub mod text_file;
pub mod toml_text;
pub mod wasm;

pub use agent::{
    Agent, AsyncAgent, Backend, BackendKind, Batch, Call, Called, Denials, Directory, Handled,
    Identity, LogLine, Peers, Started, Usage,
};
pub use bindings::types::{AgentId, Failure, Level, Message, Performative, SendError};
pub use config::SandboxConfig;
pub use error::{CallError, LoadError};
pub use fault::{Budget, Cause, Evidence, Fault, Refused, Stack};
pub use interface::{Interface, NotOffered};
pub use not_started::why_not_started;
pub use span::span;
