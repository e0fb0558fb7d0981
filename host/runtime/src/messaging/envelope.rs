//! A message in flight.

use super::address::Address;
use crate::Message;
use crate::message::Head;

/// A message, with what messaging knows of it and the agents do not.
#[derive(Debug)]
pub struct Envelope {
    pub message: Message,
    /// How many agents have handled what led to it.
    pub hops: u32,
}

impl Envelope {
    /// A message that no other has led to.
    pub fn new(message: Message) -> Self {
        Self { message, hops: 0 }
    }

    /// The same without the content.
    #[inline]
    pub fn head(&self) -> Self {
        Self { message: Head::of(&self.message).with(Vec::new()), hops: self.hops }
    }

    /// What counts against a mailbox's limit, bytes.
    pub fn bytes(&self) -> u64 {
        self.message.content.len() as u64
    }

    /// The hops of what the message leads to.
    pub fn next_hops(&self) -> u32 {
        self.hops.saturating_add(1)
    }

    pub fn is_from_client(&self) -> bool {
        Address::from(self.message.sender).is_client()
    }
}
