//! Outgoing messages: to mailboxes, to other shards, to clients.

use super::{LinkOut, Shard};
use crate::message::Head;
use crate::messaging::address::Address;
use crate::messaging::client::DeliveryError;
use crate::messaging::envelope::Envelope;
use crate::{AgentId, Failure, Message, Performative};
use rustix::time::{ClockId, clock_gettime};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

impl Shard {
    pub(super) fn post_all(&mut self, agent: AgentId, messages: Vec<Message>, hops: u32) {
        for mut message in messages {
            message.sender = agent;
            self.post(Envelope { message, hops });
        }
    }

    /// Sends a message of an agent, or one in its name.
    fn post(&mut self, envelope: Envelope) {
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
            return self.dead_letter(envelope, DeliveryError::TooManyHops);
        }
        match self.outgoing.get_mut(usize::from(address.shard)) {
            Some(_) if address.shard == self.index => self.deliver(envelope),
            Some(outgoing) => outgoing.push(envelope),
            None => self.carry(address, envelope),
        }
    }

    /// Gives a message to the carrier, if it is for an agent of another host.
    fn carry(&mut self, address: Address, envelope: Envelope) {
        let carrier = self.registry.carrier().filter(|_| address.is_foreign());
        let Some(carrier) = carrier else {
            return self.dead_letter(envelope, DeliveryError::NoSuchAgent);
        };
        let Envelope { message, hops } = envelope;
        match carrier.carry(address.slot, message, hops) {
            Ok(()) => self.accounts.carried += 1,
            Err(message) => {
                self.accounts.refused += 1;
                self.dead_letter(Envelope { message, hops }, DeliveryError::MailboxFull);
            }
        }
    }

    /// Accounts for a message that reached no agent, and tells its sender.
    pub(super) fn dead_letter(&mut self, envelope: Envelope, why: DeliveryError) {
        self.accounts.dead_lettered += 1;
        self.release_window(&envelope);
        self.notify_sender(envelope, why);
    }

    /// Tells a sender that its message was not handled. A reply is not answered, or two agents
    /// could do so forever.
    pub(super) fn notify_sender(&mut self, envelope: Envelope, why: DeliveryError) {
        let hops = envelope.next_hops();
        let message = envelope.message;
        let sender = Address::from(message.sender);
        if sender.is_client() {
            if let Some(out) = self.link_out(sender.slot) {
                out.deliveries.push_back((message.id, Err(why)));
            }
        } else if message.sender != 0 && message.in_reply_to.is_none() {
            let performative = match why {
                DeliveryError::Failed(Failure::NotUnderstood(_)) => Performative::NotUnderstood,
                DeliveryError::Failed(Failure::Refused(_)) => Performative::Refuse,
                _ => Performative::Failure,
            };
            let head = Head::of(&message).reply(performative);
            let message = head.with(why.to_string().into_bytes());
            self.post(Envelope { message, hops });
        }
    }

    /// Releases a message's place in its client's window.
    pub(super) fn release_window(&mut self, envelope: &Envelope) {
        let sender = Address::from(envelope.message.sender);
        if sender.is_client()
            && let Some(out) = self.link_out(sender.slot)
        {
            out.done += 1;
        }
    }

    /// Returns where a client's results are gathered. `None` if there is no such client: it is
    /// gone, or an agent has made the number up.
    fn link_out(&mut self, number: u32) -> Option<&mut LinkOut> {
        let index = number as usize;
        if self.links.get(index).is_none_or(Option::is_none) {
            let link = self.registry.link(number)?;
            if self.links.len() <= index {
                self.links.resize_with(index + 1, || None);
            }
            self.links[index] =
                Some(LinkOut { link: Arc::downgrade(&link), deliveries: VecDeque::new(), done: 0 });
        }
        let out = self.links[index].as_mut()?;
        if out.deliveries.is_empty() && out.done == 0 {
            self.dirty.push(number);
        }
        Some(out)
    }

    /// Flushes results once per tick of the kernel's clock, a few milliseconds: where calls are slow,
    /// nobody waits for all those of a turn. To read the ticks takes some 5 ns, the clock itself 25.
    pub(super) fn flush_each_tick(&mut self) {
        let tick = tick();
        if tick != self.flushed {
            self.flushed = tick;
            self.flush_outgoing();
        }
    }

    /// Passes on what this turn has for clients and other shards.
    pub(super) fn flush_outgoing(&mut self) {
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
                self.dead_letter(left, DeliveryError::MailboxFull);
            }
            if self.outgoing[shard].is_empty() {
                self.outgoing[shard] = batch;
            }
        }
    }
}

/// Returns the time as of the kernel's last tick.
fn tick() -> Duration {
    let now = clock_gettime(ClockId::MonotonicCoarse);
    Duration::new(now.tv_sec.unsigned_abs(), now.tv_nsec.unsigned_abs() as u32)
}
