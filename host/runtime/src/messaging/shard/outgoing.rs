//! Messages go out: to mailboxes, to other shards, to clients.

use super::{LinkOut, Shard};
use crate::messaging::address::Address;
use crate::messaging::client::Undelivered;
use crate::messaging::envelope::{Envelope, failure_of};
use crate::{AgentId, Failure, Message, Performative};
use std::collections::VecDeque;
use std::sync::Arc;

impl Shard {
    pub(super) fn post_all(&mut self, agent: AgentId, messages: Vec<Message>, hops: u32) {
        for mut message in messages {
            message.sender = agent;
            self.post(Envelope { message, hops });
        }
    }

    /// Sends what an agent, or the path in its name, says.
    pub(super) fn post(&mut self, envelope: Envelope) {
        let address = Address::from(envelope.message.recipient);
        if address.is_client() {
            self.accounts.replies += 1;
            let id = envelope.message.in_reply_to.unwrap_or(envelope.message.id);
            if let Some(out) = self.link_out(address.slot) {
                out.deliveries.push_back((id, Ok(envelope.message)));
            }
            return;
        }
        self.accounts.accepted += 1;
        if envelope.hops > self.settings.max_hops {
            self.accounts.looped += 1;
            return self.dead_letter(envelope, Undelivered::TooManyHops);
        }
        match self.outgoing.get_mut(usize::from(address.shard)) {
            Some(_) if address.shard == self.index => self.deliver(envelope),
            Some(outgoing) => outgoing.push(envelope),
            None => self.dead_letter(envelope, Undelivered::NoSuchAgent),
        }
    }

    /// Accounts for a message that reached nobody, and tells its sender.
    pub(super) fn dead_letter(&mut self, envelope: Envelope, why: Undelivered) {
        self.accounts.dead_lettered += 1;
        self.done_with(&envelope);
        self.tell(envelope, why);
    }

    /// Tells a sender that nothing came of its message. An answer is not answered, or two
    /// agents could do so for ever.
    pub(super) fn tell(&mut self, envelope: Envelope, why: Undelivered) {
        let Envelope { message, hops } = envelope;
        let sender = Address::from(message.sender);
        if sender.is_client() {
            if let Some(out) = self.link_out(sender.slot) {
                out.deliveries.push_back((message.id, Err(why)));
            }
        } else if message.sender != 0 && message.in_reply_to.is_none() {
            let performative = match why {
                Undelivered::Failed(Failure::NotUnderstood(_)) => Performative::NotUnderstood,
                Undelivered::Failed(Failure::Refused(_)) => Performative::Refuse,
                _ => Performative::Failure,
            };
            let message = failure_of(&message, performative, &why.to_string());
            self.post(Envelope {
                message,
                hops: hops.saturating_add(1),
            });
        }
    }

    /// Gives a client the place in its window back.
    pub(super) fn done_with(&mut self, envelope: &Envelope) {
        let sender = Address::from(envelope.message.sender);
        if sender.is_client()
            && let Some(out) = self.link_out(sender.slot)
        {
            out.done += 1;
        }
    }

    /// None if the client is gone, or never was: an agent may have made the number up.
    pub(super) fn link_out(&mut self, number: u32) -> Option<&mut LinkOut> {
        let index = number as usize;
        if self.links.get(index).is_none_or(Option::is_none) {
            let link = self.registry.link(number)?;
            if self.links.len() <= index {
                self.links.resize_with(index + 1, || None);
            }
            self.links[index] = Some(LinkOut {
                link: Arc::downgrade(&link),
                deliveries: VecDeque::new(),
                done: 0,
            });
        }
        let out = self.links[index].as_mut()?;
        if out.deliveries.is_empty() && out.done == 0 {
            self.dirty.push(number);
        }
        Some(out)
    }

    /// Hands over what this turn brought for others.
    pub(super) fn hand_over(&mut self) {
        for number in self.dirty.drain(..) {
            let place = &mut self.links[number as usize];
            let Some(out) = place else {
                continue;
            };
            match out.link.upgrade() {
                Some(link) => link.deliver(&mut out.deliveries, std::mem::take(&mut out.done)),
                None => *place = None,
            }
        }
        for shard in 0..self.outgoing.len() {
            if self.outgoing[shard].is_empty() {
                continue;
            }
            let mut batch = std::mem::take(&mut self.outgoing[shard]);
            self.registry.inboxes[shard].forward(&mut batch);
            for left in batch.drain(..) {
                self.accounts.refused += 1;
                self.dead_letter(left, Undelivered::MailboxFull);
            }
            if self.outgoing[shard].is_empty() {
                self.outgoing[shard] = batch;
            }
        }
    }
}
