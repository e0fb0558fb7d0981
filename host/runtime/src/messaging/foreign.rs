//! Agents of other hosts: something else carries messages to them, and brings theirs.

use super::address::Address;
use super::envelope::Envelope;
use super::registry::Registry;
use crate::agent::Directory;
use crate::{AgentId, Message, SendError};
use std::sync::Arc;

/// Carries messages from the agents of a runtime to those of others, each of which it knows by a
/// number of its choice. Shards call it between the turns of their agents: it must not wait.
pub trait Carrier: Send + Sync {
    /// Returns the number of the agent with this name on another host.
    fn find(&self, name: &str) -> Option<u32>;

    /// Returns whether an agent has this number.
    fn knows(&self, agent: u32) -> bool;

    /// Takes a message for the agent with this number. `hops` are the agents that have handled
    /// what led to it, one after the other.
    ///
    /// # Errors
    /// The message if the carrier has too many that wait.
    fn carry(&self, agent: u32, message: Message, hops: u32) -> Result<(), Message>;
}

/// The way in for messages from agents of other hosts. Clones are the same.
#[derive(Clone)]
pub struct Entrance(Arc<Registry>);

impl Entrance {
    pub(super) fn of(registry: Arc<Registry>) -> Self {
        Self(registry)
    }

    /// Returns the live agent with this name on this host.
    pub fn find(&self, name: &str) -> Option<AgentId> {
        self.0.local(name)
    }

    /// Passes a message to the agent of this host that is its recipient. What that agent sends to
    /// the message's sender, which ought to be [`foreign`], the carrier is given.
    ///
    /// # Errors
    /// [`SendError`] with the reason if the message is not accepted.
    pub fn enter(&self, message: Message, hops: u32) -> Result<(), SendError> {
        self.0.accept(message.recipient)?;
        let inbox = self.0.inbox_of(message.recipient).ok_or(SendError::UnknownRecipient)?;
        let is_open = inbox.send_one(Envelope { message, hops });
        is_open.then_some(()).ok_or(SendError::UnknownRecipient)
    }
}

/// Returns the id by which agents here know the agent of another host that has this number.
pub fn foreign(number: u32) -> AgentId {
    Address::foreign(number).into()
}
