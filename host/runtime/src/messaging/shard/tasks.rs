//! Clients' futures that run on the shard, between the turns of its agents.

use super::{Origin, Shard};
use crate::messaging::envelope::Envelope;
use crate::messaging::waker::{TurnWaker, Woken};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// A client's future.
pub type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The clients' futures of a shard.
#[derive(Default)]
pub struct Tasks {
    /// A completed one leaves its place to another, which a late wake-up for the first then
    /// polls once in vain.
    places: Vec<Option<(Task, Waker)>>,
    /// Messages from these futures to this shard's agents; empty between their turns.
    sent: Vec<Envelope>,
}

impl Tasks {
    pub fn len(&self) -> usize {
        self.places.iter().flatten().count()
    }
}

impl Shard {
    pub(super) fn run_task(&mut self, task: Task) {
        let places = &mut self.tasks.places;
        let place = places.iter().position(Option::is_none).unwrap_or_else(|| {
            places.push(None);
            places.len() - 1
        });
        let number = place as u32;
        let waker = TurnWaker::of(self.registry.clone(), self.index, Woken::Task(number));
        places[place] = Some((task, waker));
        self.poll_task(number);
    }

    pub(super) fn poll_task(&mut self, number: u32) {
        let Some(place) = self.tasks.places.get_mut(number as usize) else {
            return;
        };
        let Some((task, waker)) = place else {
            return;
        };
        let mut context = Context::from_waker(waker);
        let polled = AssertUnwindSafe(|| task.as_mut().poll(&mut context));
        // One that panicked has reported it on standard error; the agents go on.
        if !matches!(catch_unwind(polled), Ok(Poll::Pending)) {
            *place = None;
        }
        let mut sent = std::mem::take(&mut self.tasks.sent);
        // At once: from another thread, its client could send more before the next turn.
        self.registry.inboxes[usize::from(self.index)].take_local(&mut sent);
        self.accounts.accepted += sent.len() as u64;
        self.arrive_all(&mut sent, Origin::ThisThread);
        self.tasks.sent = sent;
    }
}
