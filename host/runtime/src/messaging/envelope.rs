//! A message in flight.

use super::address::Address;
use crate::Message;
use crate::message::Head;

/// A message, with what messaging knows of it and the agents do not.
#[derive(Debug)]
pub struct Envelope {
    pub message: Message,
    /// Agents that have handled what led to it, one after the other; 0 from a client.
    pub hops: u32,
}

impl Envelope {
    /// Returns a message that no other has led to.
    pub fn new(message: Message) -> Self {
        Self { message, hops: 0 }
    }

    /// Returns the same without the content.
    #[inline]
    pub fn head(&self) -> Self {
        Self { message: Head::of(&self.message).with(Vec::new()), hops: self.hops }
    }

    /// Returns the bytes that count against a mailbox's limit: those of the content.
    pub fn bytes(&self) -> u64 {
        self.message.content.len() as u64
    }

    /// Returns the hops of the messages that this one leads to.
    pub fn next_hops(&self) -> u32 {
        self.hops.saturating_add(1)
    }

    pub fn is_from_client(&self) -> bool {
        Address::from(self.message.sender).is_client()
    }
}
