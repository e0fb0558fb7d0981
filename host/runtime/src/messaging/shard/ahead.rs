//! Fetching into the cache what the next messages will touch, while one is handled: the place of each
//! recipient, then its instance, which that points to, then what a call of it touches.

use super::Shard;
use super::slot::{Resident, State};
use crate::agent::Started;
use crate::messaging::address::Address;
use crate::messaging::envelope::Envelope;
use crate::{Agent, prefetch};
use std::ops::RangeInclusive;

/// Agents of a shard from which this pays: fewer stay in its core's cache.
const MANY: usize = 256;

/// How many messages ahead a recipient's place is fetched, its instance, and what its call touches.
const AHEAD: [usize; 3] = [5, 3, 1];

/// Returns, of messages of which the first is handled now, those whose parts have to be fetched. The
/// others' have been before, unless it is the first of all.
fn ahead(is_first: bool) -> [RangeInclusive<usize>; 3] {
    AHEAD.map(|last| if is_first { 0..=last } else { last..=last })
}

impl Shard {
    /// Returns true if there are so many agents that they do not stay in the cache. In quarantine it
    /// does not matter: what untrusted agents touch would be found out on a thread that has the
    /// priority which they must not have.
    pub(super) fn is_crowded(&self) -> bool {
        let is_quarantine = usize::from(self.index) >= self.settings.shards;
        !is_quarantine && self.slots.len() - self.free.len() >= MANY
    }

    /// Fetches for messages that arrive.
    pub(super) fn fetch_arriving(&mut self, coming: &[Envelope], is_first: bool) {
        let [places, instances, calls] = ahead(is_first);
        let coming = |at: usize| coming.get(at);
        let slot = |envelope: &Envelope| Address::from(envelope.message.recipient).slot;
        places.filter_map(coming).for_each(|envelope| self.fetch_place(slot(envelope)));
        instances.filter_map(coming).for_each(|envelope| self.fetch_instance(slot(envelope)));
        for envelope in calls.filter_map(coming) {
            if let Some(agent) = self.lives_in(slot(envelope)).and_then(idle) {
                agent.fetch_ahead(&envelope.message);
            }
        }
    }

    /// Fetches for the oldest messages of agents whose turn comes.
    pub(super) fn fetch_ready(&mut self, is_first: bool) {
        let [places, instances, calls] = ahead(is_first);
        let coming = |at: usize| self.ready.get(at).copied();
        places.filter_map(coming).for_each(|slot| self.fetch_place(slot));
        instances.filter_map(coming).for_each(|slot| self.fetch_instance(slot));
        for at in calls {
            if let Some(slot) = self.ready.get(at) {
                self.fetch_oldest(*slot);
            }
        }
    }

    fn fetch_oldest(&mut self, slot: u32) {
        let Some(resident) = self.lives_in(slot) else { return };
        if let (State::Idle(Started::Sync(agent)), Some(next)) =
            (&mut resident.state, resident.mailbox.oldest())
        {
            prefetch::content(&next.message.content);
            agent.fetch_ahead(&next.message);
        }
    }

    fn fetch_place(&self, slot: u32) {
        if let Some(slot) = self.slots.get(slot as usize) {
            prefetch::value(slot);
        }
    }

    fn fetch_instance(&self, slot: u32) {
        let resident = self.slots.get(slot as usize).and_then(|slot| slot.resident.as_ref());
        if let Some(State::Idle(Started::Sync(agent))) = resident.map(|resident| &resident.state) {
            prefetch::value(agent.as_ref());
        }
    }

    fn lives_in(&mut self, slot: u32) -> Option<&mut Resident> {
        self.slots.get_mut(slot as usize)?.resident.as_mut()
    }
}

/// Returns an agent that waits, and is called on the shard's own stack.
fn idle(resident: &mut Resident) -> Option<&mut dyn Agent> {
    match &mut resident.state {
        State::Idle(Started::Sync(agent)) => Some(agent.as_mut()),
        _ => None,
    }
}
