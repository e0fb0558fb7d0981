//! The SDK for agents in Rust: one source, two builds. For wasm32-wasip2 it becomes a component
//! of the `sandlab:agent` package, for the host a native twin, a `cdylib` with the C ABI of
//! `sandlab-native-abi`. Since the source is the same, the measured difference is the sandbox.
//!
//! ```
//! use sandlab_agent::{Agent, Failure, Host, Message, Performative};
//!
//! #[derive(Default)]
//! struct Greeter;
//!
//! impl Agent for Greeter {
//!     fn handle(&mut self, _host: &mut Host, message: Message) -> Result<Vec<Message>, Failure> {
//!         let name = message.text()?;
//!         let greeting = format!("hello, {name}");
//!         Ok(vec![message.reply(Performative::Inform, greeting)])
//!     }
//! }
//!
//! sandlab_agent::export!(Greeter);
//! # fn main() {}
//! ```
//!
//! In an agent, count with `u32` and `u64`: `usize` has 32 bits in the guest
//! and 64 in the twin, and the two must give the same replies.

#[doc(hidden)]
pub mod bindings;
mod directory;
mod export;
mod host;
mod message;
mod parcel;
#[cfg(not(target_family = "wasm"))]
#[doc(hidden)]
pub mod twin;

pub use bindings::plain::sandlab::agent::types::{
    AgentId, Failure, Level, Message, Performative, SendError,
};
pub use directory::Directory;
#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub use export::__host;
pub use host::Host;
pub use parcel::{Content, Parcel};

/// An agent's behaviour. Only [`handle`](Agent::handle) is required.
///
/// A panic ends the instance, in the sandbox and in the twin alike. A [`Failure`] does not: it
/// is the reply to one message.
pub trait Agent: Default + Send + 'static {
    /// Configures the agent before its first message. The default refuses any configuration.
    ///
    /// # Errors
    /// If the configuration cannot be used.
    fn configure(&mut self, host: &mut Host, config: &[u8]) -> Result<(), Failure> {
        let _ = host;
        if config.is_empty() {
            return Ok(());
        }
        Err(Failure::Refused("this agent takes no configuration".to_owned()))
    }

    /// Handles one message and returns the replies to it.
    ///
    /// # Errors
    /// If the agent cannot do what the message asks; its state must then be as before.
    fn handle(&mut self, host: &mut Host, message: Message) -> Result<Vec<Message>, Failure>;

    /// Handles many messages in one call, and returns their results in the same order. Called only
    /// if exported with `export!(Type, batch)`.
    fn handle_batch(
        &mut self,
        host: &mut Host,
        messages: Vec<Message>,
    ) -> Vec<Result<Vec<Message>, Failure>> {
        messages.into_iter().map(|message| self.handle(host, message)).collect()
    }

    /// Handles one message whose content stays in the host's memory. Called only if exported
    /// with `export!(Type, zero_copy)`. The default copies it and calls
    /// [`handle`](Agent::handle).
    ///
    /// # Errors
    /// As [`handle`](Agent::handle).
    fn handle_parcel(&mut self, host: &mut Host, parcel: Parcel) -> Result<Vec<Parcel>, Failure> {
        let replies = self.handle(host, parcel.into_message())?;
        Ok(replies.into_iter().map(Parcel::from).collect())
    }

    /// Returns the agent's whole state. Called only if exported with `export!(Type, durable)`.
    ///
    /// # Errors
    /// If the state cannot be saved.
    fn checkpoint(&mut self) -> Result<Vec<u8>, Failure> {
        Err(Failure::Refused("this agent keeps no state".to_owned()))
    }

    /// Replaces the agent's state by one that [`checkpoint`](Agent::checkpoint)
    /// returned. Called only if exported with `export!(Type, durable)`.
    ///
    /// # Errors
    /// If the state cannot be read; the agent's own must then be as before.
    fn restore(&mut self, state: &[u8]) -> Result<(), Failure> {
        let _ = state;
        Err(Failure::Refused("this agent keeps no state".to_owned()))
    }
}
