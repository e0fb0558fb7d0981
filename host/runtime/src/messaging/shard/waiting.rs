//! What waited on the shard goes on: calls on fibers, and clients' work.

use super::{Shard, caught, unless_unsaved};
use crate::agent::Called;
use crate::messaging::envelope::Envelope;
use crate::messaging::slot::{Calling, State};
use crate::messaging::waker::{TurnWaker, Woken};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll};

impl Shard {
    /// Lets a call on a fiber go on, until it waits again or returns.
    pub(super) fn poll(&mut self, slot: u32) {
        let registry = self.registry.clone();
        let Some(resident) = self
            .slots
            .get_mut(slot as usize)
            .and_then(|slot| slot.resident.as_mut())
        else {
            return;
        };
        let State::Calling(calling) = &mut resident.state else {
            return;
        };
        let waker = TurnWaker::of(registry, self.index, Woken::Slot(slot));
        let mut context = Context::from_waker(&waker);
        match calling.as_mut() {
            Calling::One { call, head } => {
                let polled = caught(|| Ok(call.as_mut().poll(&mut context)));
                match polled {
                    Ok(Poll::Pending) => {}
                    Ok(Poll::Ready(called)) => {
                        let head = head.head();
                        self.returned(slot, called, head);
                    }
                    Err(fault) => {
                        let head = head.head();
                        let id = resident.id;
                        resident.state = State::Away;
                        self.settle(id, head, Err(fault));
                    }
                }
            }
            Calling::Many { call, heads } => {
                match caught(|| Ok(call.as_mut().poll(&mut context))) {
                    Ok(Poll::Pending) => {}
                    Ok(Poll::Ready(called)) => {
                        let heads = std::mem::take(heads);
                        self.batch_returned(slot, called, heads);
                    }
                    Err(fault) => {
                        let heads = std::mem::take(heads);
                        let id = resident.id;
                        resident.state = State::Away;
                        self.settle_batch(id, heads, Err(fault));
                    }
                }
            }
        }
    }

    /// A call on a fiber has returned.
    pub(super) fn returned(&mut self, slot: u32, called: Called, head: Envelope) {
        let Some(resident) = &mut self.slots[slot as usize].resident else {
            return;
        };
        let Called { mut agent, outcome } = called;
        let due = outcome.is_ok() && resident.is_due(1);
        let saved = if due {
            resident.save(agent.as_mut())
        } else {
            Ok(())
        };
        resident.state = State::IdleAsync(agent);
        let id = resident.id;
        self.settle(id, head, unless_unsaved(outcome, saved));
        self.make_ready(slot);
    }

    /// Lets a client's work go on, until it waits again or is done.
    pub(super) fn poll_task(&mut self, number: u32) {
        let Some(place) = self.tasks.get_mut(number as usize) else {
            return;
        };
        let Some((task, waker)) = place else {
            return;
        };
        let mut context = Context::from_waker(waker);
        let polled = AssertUnwindSafe(|| task.as_mut().poll(&mut context));
        // One that panicked has said so on standard error; the agents go on.
        if !matches!(catch_unwind(polled), Ok(Poll::Pending)) {
            *place = None;
        }
        let mut sent = std::mem::take(&mut self.from_tasks);
        // At once: from another thread, its client could send more before the next turn.
        self.registry.inboxes[usize::from(self.index)].take_own(&mut sent);
        self.accounts.accepted += sent.len() as u64;
        for envelope in sent.drain(..) {
            self.arrive(envelope);
        }
        self.from_tasks = sent;
    }
}
