//! The agents that are served, by name.

use sandlab_runtime::messaging::DeliveryError;
use sandlab_runtime::{Message, Performative};
use std::time::Duration;

/// A message for an agent, from outside.
#[derive(Debug, Clone)]
pub struct Request {
    /// The kind of message.
    pub performative: Performative,
    /// The conversation that it belongs to; `None` begins one.
    pub conversation: Option<u64>,
    /// The longest time until the reply.
    pub timeout: Duration,
    /// The content.
    pub content: Vec<u8>,
}

/// The reason that a message has no reply.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AskError {
    /// No agent has the name.
    #[error("there is no agent {0:?}")]
    Unknown(String),
    /// The host takes no more messages, since it is about to stop.
    #[error("this host is about to stop; send it to another")]
    Draining,
    /// The agent gave no reply.
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
}

/// Runs agents, and passes messages to them. Clones are the same host.
#[derive(Clone)]
pub struct Host;

impl Host {
    /// Sends a message to the agent with this name, and returns its replies.
    ///
    /// # Errors
    /// [`AskError`] with the reason if there is no reply.
    pub async fn ask(&self, _agent: &str, _request: Request) -> Result<Vec<Message>, AskError> {
        todo!()
    }

    /// Sends a message to the agent with this name, and returns when the host has accepted it.
    ///
    /// # Errors
    /// [`AskError`] with the reason if it was not accepted.
    pub async fn tell(&self, _agent: &str, _request: Request) -> Result<(), AskError> {
        todo!()
    }
}
