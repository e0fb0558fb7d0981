//! A message on its way.

use super::address::Address;
use crate::{Message, Performative};

/// A message, with what the path must know of it and the agents need not.
#[derive(Debug)]
pub struct Envelope {
    pub message: Message,
    /// How many agents have handled what led to it.
    pub hops: u32,
}

impl Envelope {
    /// A message that nothing has led to.
    pub fn new(message: Message) -> Self {
        Self { message, hops: 0 }
    }

    /// The same without the content.
    pub fn head(&self) -> Self {
        Self {
            message: Message {
                content: Vec::new(),
                ..self.message
            },
            hops: self.hops,
        }
    }

    /// What counts against a mailbox's budget, bytes.
    pub fn bytes(&self) -> u64 {
        self.message.content.len() as u64
    }

    pub fn is_from_client(&self) -> bool {
        Address::from(self.message.sender).is_client()
    }
}

/// What an agent is told of a message that was not handled: an answer in its conversation.
pub fn failure_of(message: &Message, performative: Performative, why: &str) -> Message {
    Message {
        id: message.id,
        conversation: message.conversation,
        in_reply_to: Some(message.id),
        sender: message.recipient,
        recipient: message.sender,
        performative,
        content: why.as_bytes().to_vec(),
    }
}
