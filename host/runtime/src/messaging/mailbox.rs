//! The mailbox of an agent, bounded in messages and in bytes.

use super::envelope::Envelope;
use bytesize::ByteSize;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// The bounds of one agent's mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct MailboxLimits {
    /// Messages. Default 64: with 10,000 agents, 1,024 messages of 1 KiB each would be 10 GB.
    pub messages: u32,
    /// Bytes of content. Default 256 KiB; an empty mailbox takes a single larger message.
    pub bytes: ByteSize,
    /// Treatment of a message that does not fit. Default push back.
    pub when_full: WhenFull,
}

impl Default for MailboxLimits {
    fn default() -> Self {
        Self { messages: 64, bytes: ByteSize::kib(256), when_full: WhenFull::PushBack }
    }
}

/// The treatment of a message that does not fit into a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhenFull {
    /// A client's message waits before the mailbox, and keeps its place in the client's window,
    /// so that the client soon has to wait too. An agent's message is refused: two full agents
    /// that waited for each other would wait forever.
    PushBack,
    /// The message is refused, and its sender gets an error at once.
    Refuse,
}

/// The messages that wait for one agent, in the order of their arrival.
#[derive(Debug)]
pub struct Mailbox {
    /// The oldest message, if the mailbox was empty when it came: inline, since the queue's own
    /// memory, with a thousand agents in turn, is in no near cache.
    first: Option<Envelope>,
    waiting: VecDeque<Envelope>,
    bytes: u64,
    limits: MailboxLimits,
    /// The messages that were pushed back, bounded by the clients' windows.
    overflow: VecDeque<Envelope>,
}

/// The result of [`Mailbox::offer`].
#[derive(Debug)]
pub enum Offered {
    /// The message waits, in the mailbox or before it.
    Taken,
    Refused(Envelope),
}

impl Mailbox {
    pub fn new(limits: MailboxLimits) -> Self {
        Self { first: None, waiting: VecDeque::new(), bytes: 0, limits, overflow: VecDeque::new() }
    }

    /// Adds a message if it fits, or if it may wait before the mailbox.
    pub fn offer(&mut self, envelope: Envelope) -> Offered {
        // Behind those that are pushed back already, to keep each sender's order.
        if self.overflow.is_empty() && self.has_room(&envelope) {
            self.push(envelope);
            return Offered::Taken;
        }
        if self.limits.when_full == WhenFull::PushBack && envelope.is_from_client() {
            self.overflow.push_back(envelope);
            return Offered::Taken;
        }
        Offered::Refused(envelope)
    }

    /// Removes the oldest message.
    pub fn take(&mut self) -> Option<Envelope> {
        let envelope = self.first.take().or_else(|| self.waiting.pop_front())?;
        self.bytes -= envelope.bytes();
        while let Some(next) = self
            .overflow
            .pop_front_if(|next| fits(self.limits, self.waiting.len(), self.bytes, next))
        {
            self.push(next);
        }
        Some(envelope)
    }

    /// Returns the oldest message.
    pub fn oldest(&self) -> Option<&Envelope> {
        self.first.as_ref().or_else(|| self.waiting.front())
    }

    /// Removes all messages, in order.
    pub fn drain(&mut self) -> impl Iterator<Item = Envelope> + use<> {
        self.bytes = 0;
        let waiting = std::mem::take(&mut self.waiting);
        self.first.take().into_iter().chain(waiting).chain(std::mem::take(&mut self.overflow))
    }

    /// Returns the number of messages that wait, in the mailbox and before it.
    pub fn len(&self) -> usize {
        self.within() + self.overflow.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns true if one more message would not fit.
    pub fn is_full(&self) -> bool {
        self.within() >= self.limits.messages as usize || self.bytes >= self.limits.bytes.as_u64()
    }

    fn has_room(&self, envelope: &Envelope) -> bool {
        fits(self.limits, self.within(), self.bytes, envelope)
    }

    /// Returns the number of messages in the mailbox, without those before it.
    fn within(&self) -> usize {
        usize::from(self.first.is_some()) + self.waiting.len()
    }

    fn push(&mut self, envelope: Envelope) {
        self.bytes += envelope.bytes();
        if self.within() == 0 {
            self.first = Some(envelope);
        } else {
            self.waiting.push_back(envelope);
        }
    }
}

fn fits(limits: MailboxLimits, waiting: usize, bytes: u64, next: &Envelope) -> bool {
    waiting == 0
        || waiting < limits.messages as usize && bytes + next.bytes() <= limits.bytes.as_u64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Message;
    use crate::messaging::address::Address;

    fn from_client(id: u64, bytes: usize) -> Envelope {
        Envelope::new(Message {
            id,
            sender: Address::client(0).into(),
            ..Message::request(vec![0; bytes])
        })
    }

    fn from_agent(id: u64) -> Envelope {
        Envelope::new(Message { id, sender: 1 << 32, ..Message::request([]) })
    }

    fn mailbox(messages: u32, bytes: u64, when_full: WhenFull) -> Mailbox {
        Mailbox::new(MailboxLimits { messages, bytes: ByteSize::b(bytes), when_full })
    }

    fn is_taken(offered: Offered) -> bool {
        matches!(offered, Offered::Taken)
    }

    #[test]
    fn it_is_bounded_in_messages_and_in_bytes() {
        let mut few = mailbox(2, 1_000, WhenFull::Refuse);
        assert!(is_taken(few.offer(from_client(1, 0))));
        assert!(is_taken(few.offer(from_client(2, 0))));
        assert!(!is_taken(few.offer(from_client(3, 0))));
        let mut small = mailbox(64, 100, WhenFull::Refuse);
        assert!(is_taken(small.offer(from_client(1, 60))));
        assert!(!is_taken(small.offer(from_client(2, 60))));
        assert!(is_taken(small.offer(from_client(3, 40))));
    }

    #[test]
    fn a_message_larger_than_the_budget_goes_alone() {
        let mut mailbox = mailbox(64, 100, WhenFull::Refuse);
        assert!(is_taken(mailbox.offer(from_client(1, 500))));
        assert!(!is_taken(mailbox.offer(from_client(2, 1))));
        assert!(mailbox.take().is_some() && mailbox.is_empty());
    }

    #[test]
    fn what_comes_while_another_waits_goes_behind_it() {
        let mut mailbox = mailbox(3, 1_000, WhenFull::Refuse);
        let mut taken = Vec::new();
        for id in 1..=2 {
            assert!(is_taken(mailbox.offer(from_client(id, 1))));
        }
        for id in 3..=6 {
            taken.extend(mailbox.take());
            assert!(is_taken(mailbox.offer(from_client(id, 1))));
        }
        assert_eq!(mailbox.len(), 2);
        taken.extend(mailbox.drain());
        let ids = taken.iter().map(|envelope| envelope.message.id);
        assert_eq!(ids.collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
        assert!(mailbox.is_empty());
    }

    #[test]
    fn what_is_pushed_back_keeps_its_order_and_agents_are_refused() {
        let mut mailbox = mailbox(1, 1_000, WhenFull::PushBack);
        for id in 1..=3 {
            assert!(is_taken(mailbox.offer(from_client(id, 1))));
        }
        assert!(!is_taken(mailbox.offer(from_agent(4))));
        let ids = std::iter::from_fn(|| mailbox.take()).map(|e| e.message.id);
        assert_eq!(ids.collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(mailbox.bytes, 0);
    }
}
