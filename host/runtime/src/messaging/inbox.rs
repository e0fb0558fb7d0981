//! The inbox of a shard, filled by other threads. They add whole batches under one lock, and
//! the shard takes everything under one lock. What the shard's own thread adds, for clients
//! that run there, needs no lock.

use super::envelope::Envelope;
use super::shard::Command;
use super::waker::Woken;
use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};
use std::time::Instant;

/// Messages that may be between shards before more are refused: when the receiver is so
/// far behind, waiting would only grow memory.
const MAX_BETWEEN_SHARDS: usize = 1 << 16;

/// Bytes of content that may be between shards: 64 times what a call may send by default.
const MAX_BYTES_BETWEEN_SHARDS: u64 = 128 << 20;

/// The inbox of a shard.
#[derive(Default)]
pub struct Inbox {
    inner: Mutex<Inner>,
    /// Set if the inbox may have contents; readable without the lock.
    is_filled: AtomicBool,
    /// Set once messages of clients are refused, since the runtime shuts down.
    is_closed: AtomicBool,
}

thread_local! {
    static LOCAL: RefCell<Local> = RefCell::default();
}

/// The part of a shard's own inbox that only its thread touches, without the lock.
#[derive(Default)]
struct Local {
    /// The address of the inbox; 0 on other threads.
    inbox: usize,
    from_clients: Vec<Envelope>,
    woken: Vec<Woken>,
}

#[derive(Default)]
struct Inner {
    contents: Contents,
    /// Bytes of content from other shards.
    bytes_from_shards: u64,
    /// The shard's thread while it is parked.
    parked: Option<Thread>,
    /// Set once the shard has ended, so that nothing is taken any more.
    is_abandoned: bool,
}

/// The contents of an inbox.
#[derive(Default)]
pub struct Contents {
    /// From clients; counted as accepted when the shard takes them.
    pub from_clients: Vec<Envelope>,
    /// From agents on other shards, which have counted them as accepted.
    pub from_shards: Vec<Envelope>,
    pub commands: Vec<Command>,
    /// Calls and clients' futures that were woken, to be polled.
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
    /// Adds a client's messages. If the inbox is closed, leaves them and returns `false`.
    pub fn send(&self, envelopes: &mut Vec<Envelope>) -> bool {
        self.add_from_client(|all| {
            if all.is_empty() {
                std::mem::swap(all, envelopes);
            } else {
                all.append(envelopes);
            }
        })
    }

    /// Adds one message of a client. Returns `false` if the inbox is closed.
    pub fn send_one(&self, envelope: Envelope) -> bool {
        let mut one = Some(envelope);
        self.add_from_client(|all| all.extend(one.take()))
    }

    fn add_from_client(&self, mut add: impl FnMut(&mut Vec<Envelope>)) -> bool {
        // Without the lock only if nothing is behind it: the same client could have sent
        // something before, from another thread.
        let is_open = || !self.is_closed.load(Ordering::Relaxed);
        if !self.is_filled()
            && is_open()
            && self.with_local(|local| add(&mut local.from_clients)).is_some()
        {
            return true;
        }
        self.add(|inner| {
            let is_open = is_open();
            if is_open {
                add(&mut inner.contents.from_clients);
            }
            is_open
        })
    }

    fn with_local<R>(&self, with: impl FnOnce(&mut Local) -> R) -> Option<R> {
        // A thread that ends may have dropped it.
        let on_shard = LOCAL.try_with(|local| {
            let mut local = local.borrow_mut();
            (local.inbox == self.place()).then(|| with(&mut local))
        });
        on_shard.ok().flatten()
    }

    fn place(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Makes the current thread the shard's.
    pub fn attach(&self) {
        LOCAL.with_borrow_mut(|local| local.inbox = self.place());
    }

    /// Swaps what clients sent on the shard's own thread for `empty`. For the shard only.
    pub fn take_local(&self, empty: &mut Vec<Envelope>) {
        self.with_local(|local| std::mem::swap(&mut local.from_clients, empty));
    }

    /// Adds messages of another shard's agents; leaves those that are more than may be between
    /// shards.
    pub fn forward(&self, envelopes: &mut Vec<Envelope>) {
        self.add(|inner| {
            let waiting = &mut inner.contents.from_shards;
            let room = MAX_BETWEEN_SHARDS.saturating_sub(waiting.len());
            let room = if inner.is_abandoned { 0 } else { room };
            let mut bytes = inner.bytes_from_shards;
            let fitting = envelopes.iter().take(room).take_while(|envelope| {
                let is_first = bytes == 0;
                bytes += envelope.bytes();
                is_first || bytes <= MAX_BYTES_BETWEEN_SHARDS
            });
            let fits = fitting.count();
            let taken = envelopes[..fits].iter().map(Envelope::bytes);
            inner.bytes_from_shards += taken.sum::<u64>();
            waiting.extend(envelopes.drain(..fits));
        });
    }

    /// Adds a command. If the shard has ended, the command is dropped, and with it the sender
    /// of its answer.
    pub fn command(&self, command: Command) {
        self.add(|inner| {
            if !inner.is_abandoned {
                inner.contents.commands.push(command);
            }
        });
    }

    /// Closes the inbox to everybody, and returns what is left in it. For the shard only.
    pub fn abandon(&self) -> Contents {
        let mut inner = self.lock();
        self.is_closed.store(true, Ordering::Relaxed);
        inner.is_abandoned = true;
        std::mem::take(&mut inner.contents)
    }

    /// Asks the shard to poll.
    pub fn wake(&self, what: Woken) {
        if self.with_local(|local| local.woken.push(what)).is_none() {
            self.add(|inner| inner.contents.woken.push(what));
        }
    }

    /// Refuses messages of clients from now on.
    pub fn close(&self) {
        let _behind_all_that_was_sent = self.lock();
        self.is_closed.store(true, Ordering::Relaxed);
    }

    fn add<R>(&self, add: impl FnOnce(&mut Inner) -> R) -> R {
        let mut inner = self.lock();
        let result = add(&mut inner);
        self.is_filled.store(true, Ordering::Release);
        let parked = inner.parked.take();
        drop(inner);
        if let Some(thread) = parked {
            thread.unpark();
        }
        result
    }

    /// Swaps the contents for `empty`. For the shard only.
    pub fn take(&self, empty: &mut Contents) {
        if self.is_filled() {
            let mut inner = self.lock();
            inner.parked = None;
            self.is_filled.store(false, Ordering::Relaxed);
            inner.bytes_from_shards = 0;
            std::mem::swap(&mut inner.contents, empty);
        }
        self.with_local(|local| empty.woken.append(&mut local.woken));
    }

    /// Parks the thread until there are contents, or until the time. For the shard only.
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

    /// Returns true if there are no contents. For the shard only.
    pub fn is_empty(&self) -> bool {
        let local = self.with_local(|local| local.woken.is_empty());
        !self.is_filled() && local != Some(false)
    }

    fn is_filled(&self) -> bool {
        self.is_filled.load(Ordering::Acquire)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Message;

    fn envelopes(count: usize, bytes: usize) -> Vec<Envelope> {
        let one = |_| Envelope::new(Message::request(vec![0; bytes]));
        (0..count).map(one).collect()
    }

    #[test]
    fn what_is_between_shards_is_bounded_in_bytes_too() {
        let inbox = Inbox::default();
        let mut many = envelopes(5, 40 << 20);
        inbox.forward(&mut many);
        assert_eq!(many.len(), 2);
        let mut contents = Contents::default();
        inbox.take(&mut contents);
        assert_eq!(contents.from_shards.len(), 3);
        inbox.forward(&mut many);
        assert!(many.is_empty());
        let mut huge = envelopes(2, 200 << 20);
        let alone = Inbox::default();
        alone.forward(&mut huge);
        assert_eq!(huge.len(), 1, "one goes alone, however large");
    }

    #[test]
    fn an_abandoned_inbox_answers_nobody_and_keeps_nothing() {
        let inbox = Inbox::default();
        let (answer, answered) = tokio::sync::oneshot::channel();
        inbox.abandon();
        inbox.command(Command::Report(answer));
        assert!(answered.blocking_recv().is_err());
        let mut left = envelopes(1, 1);
        inbox.forward(&mut left);
        assert_eq!(left.len(), 1);
        assert!(!inbox.send(&mut left));
    }
}
