//! The way back to a client.

use super::client::Undelivered;
use crate::Message;
use std::collections::HashMap;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use tokio::sync::{Semaphore, oneshot};

/// What a client gets back: the id of its message, and what became of it.
pub type Delivery = (u64, Answer);

/// A reply, or why there is none.
pub type Answer = Result<Message, Undelivered>;

/// Whoever takes what a shard has for a client, once in a while, all of it at once.
pub trait Link: Send + Sync {
    /// Takes the deliveries, and the number of the client's messages that are done with.
    fn deliver(&self, deliveries: &mut VecDeque<Delivery>, done: u32);
}

/// The link of a connection: a queue that its owner polls.
#[derive(Default)]
pub struct Queue(Mutex<Arrived>);

#[derive(Default)]
struct Arrived {
    deliveries: VecDeque<Delivery>,
    done: u32,
    waker: Option<Waker>,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Arrived> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what has arrived, and how many messages are done with; if neither, the waker
    /// is told when something does.
    pub fn poll(&self, context: &mut Context, to: &mut VecDeque<Delivery>) -> Poll<u32> {
        let mut arrived = self.lock();
        if arrived.deliveries.is_empty() && arrived.done == 0 {
            arrived.waker = Some(context.waker().clone());
            return Poll::Pending;
        }
        pass_on(&mut arrived.deliveries, to);
        Poll::Ready(std::mem::take(&mut arrived.done))
    }
}

impl Link for Queue {
    fn deliver(&self, deliveries: &mut VecDeque<Delivery>, done: u32) {
        let mut arrived = self.lock();
        pass_on(deliveries, &mut arrived.deliveries);
        arrived.done += done;
        let waker = arrived.waker.take();
        drop(arrived);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// Appends all deliveries; to none, without a move of each.
fn pass_on(deliveries: &mut VecDeque<Delivery>, to: &mut VecDeque<Delivery>) {
    if to.is_empty() {
        std::mem::swap(to, deliveries);
    } else {
        to.append(deliveries);
    }
}

/// The link that all clones of a client share: one waiting future an ask.
pub struct Hub {
    waiting: Mutex<HashMap<u64, oneshot::Sender<Answer>>>,
    /// A permit for each message that may be on its way.
    pub window: Semaphore,
}

impl Hub {
    pub fn new(window: usize) -> Self {
        Self {
            waiting: Mutex::default(),
            window: Semaphore::new(window),
        }
    }

    /// Waits for the answer to a message, for as long as the second is kept.
    pub fn expect(&self, id: u64) -> (oneshot::Receiver<Answer>, Expected<'_>) {
        let (sender, receiver) = oneshot::channel();
        self.lock().insert(id, sender);
        (receiver, Expected { hub: self, id })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, oneshot::Sender<Answer>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An answer that somebody waits for: however they stop, nothing of it is left behind.
pub struct Expected<'a> {
    hub: &'a Hub,
    id: u64,
}

impl Drop for Expected<'_> {
    fn drop(&mut self) {
        self.hub.lock().remove(&self.id);
    }
}

impl Link for Hub {
    fn deliver(&self, deliveries: &mut VecDeque<Delivery>, done: u32) {
        let mut waiting = self.lock();
        for (id, result) in deliveries.drain(..) {
            // Nobody waits for a second reply, or after a timeout.
            if let Some(sender) = waiting.remove(&id) {
                let _ = sender.send(result);
            }
        }
        drop(waiting);
        self.window.add_permits(done as usize);
    }
}
