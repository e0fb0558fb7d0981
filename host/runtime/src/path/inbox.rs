//! What comes to a shard from other threads. They hand over whole batches under one lock,
//! and the shard takes all that there is under one lock.

use super::envelope::Envelope;
use super::shard::Command;
use super::waker::Woken;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};
use std::time::Instant;

/// Messages that may be between shards before more are refused: when the receiver is so
/// far behind, waiting would only grow memory.
const MAX_BETWEEN_SHARDS: usize = 1 << 16;

/// A shard's inbox.
#[derive(Default)]
pub struct Inbox(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    contents: Contents,
    /// The shard's thread, while it waits to be woken.
    parked: Option<Thread>,
    /// Whether clients are told that the runtime ends.
    is_closed: bool,
}

/// What is in an inbox.
#[derive(Default)]
pub struct Contents {
    /// From clients: the shard accepts them.
    pub from_clients: Vec<Envelope>,
    /// From agents on other shards, which have accepted them.
    pub from_shards: Vec<Envelope>,
    /// What to do besides.
    pub commands: Vec<Command>,
    /// What waited on the shard and can go on.
    pub woken: Vec<Woken>,
}

impl Contents {
    fn is_empty(&self) -> bool {
        self.from_clients.is_empty()
            && self.from_shards.is_empty()
            && self.commands.is_empty()
            && self.woken.is_empty()
    }
}

impl Inbox {
    /// Adds what a client sends; leaves it, and returns false, if the runtime ends.
    pub fn send(&self, envelopes: &mut Vec<Envelope>) -> bool {
        self.add(|inner| {
            if !inner.is_closed {
                inner.contents.from_clients.append(envelopes);
            }
            !inner.is_closed
        })
    }

    /// Adds one message of a client, unless the runtime ends.
    pub fn send_one(&self, envelope: Envelope) -> bool {
        self.add(|inner| {
            if !inner.is_closed {
                inner.contents.from_clients.push(envelope);
            }
            !inner.is_closed
        })
    }

    /// Adds what another shard's agents send; what is left is more than may be between shards.
    pub fn forward(&self, envelopes: &mut Vec<Envelope>) {
        self.add(|inner| {
            let waiting = &mut inner.contents.from_shards;
            let room = MAX_BETWEEN_SHARDS.saturating_sub(waiting.len());
            let fits = envelopes.len().min(room);
            waiting.extend(envelopes.drain(..fits));
        });
    }

    /// Adds a command.
    pub fn command(&self, command: Command) {
        self.add(|inner| inner.contents.commands.push(command));
    }

    /// Lets what waited on the shard go on.
    pub fn wake(&self, what: Woken) {
        self.add(|inner| inner.contents.woken.push(what));
    }

    /// Takes no more from clients.
    pub fn close(&self) {
        self.lock().is_closed = true;
    }

    fn add<R>(&self, add: impl FnOnce(&mut Inner) -> R) -> R {
        let mut inner = self.lock();
        let result = add(&mut inner);
        let parked = inner.parked.take();
        drop(inner);
        if let Some(thread) = parked {
            thread.unpark();
        }
        result
    }

    /// Swaps all that is there for an empty one. The shard's alone.
    pub fn take(&self, empty: &mut Contents) {
        let mut inner = self.lock();
        inner.parked = None;
        std::mem::swap(&mut inner.contents, empty);
    }

    /// Waits until something is there, or until the time. The shard's alone.
    pub fn park(&self, until: Option<Instant>) {
        let mut inner = self.lock();
        if !inner.contents.is_empty() {
            return;
        }
        inner.parked = Some(thread::current());
        drop(inner);
        match until {
            None => thread::park(),
            Some(until) => {
                thread::park_timeout(until.saturating_duration_since(Instant::now()));
            }
        }
    }

    /// Whether nothing is there.
    pub fn is_empty(&self) -> bool {
        self.lock().contents.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
