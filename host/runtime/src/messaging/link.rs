//! The links from shards to clients.

use super::Accounts;
use super::client::DeliveryError;
use crate::Message;
use std::collections::HashMap;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use tokio::sync::{Semaphore, oneshot};

/// The id of a client's message, and its reply.
pub type Delivery = (u64, Answer);

/// A reply, or the reason why there is none.
pub type Answer = Result<Message, DeliveryError>;

/// The receiver of a client's deliveries, in batches.
pub trait Link: Send + Sync {
    /// Takes the deliveries, and the number of the client's messages that are no longer in
    /// flight.
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

    /// Takes the deliveries, and returns how many messages are no longer in flight; if both are
    /// none, the waker is woken later.
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

/// Appends all deliveries; to an empty queue by a swap.
fn pass_on(deliveries: &mut VecDeque<Delivery>, to: &mut VecDeque<Delivery>) {
    if to.is_empty() {
        std::mem::swap(to, deliveries);
    } else {
        to.append(deliveries);
    }
}

/// The link that all clones of a client share, with one waiting future per ask.
pub struct Hub {
    waiting: Mutex<HashMap<u64, Waiting>>,
    /// A permit for each message that may be in flight.
    pub window: Semaphore,
    /// The most messages that may be in flight.
    most: usize,
    ended: Mutex<Ended>,
}

/// Counts of messages that are no longer in flight.
#[derive(Debug, Default, Clone, Copy)]
struct Ended {
    all: u64,
    failed: u64,
    dead_lettered: u64,
    /// The part of `dead_lettered` that found a full mailbox.
    refused: u64,
}

impl Ended {
    fn count(&mut self, why: &DeliveryError) {
        match why {
            DeliveryError::Failed(_) | DeliveryError::Ended(_) => self.failed += 1,
            _ => self.dead_lettered += 1,
        }
        self.refused += u64::from(*why == DeliveryError::MailboxFull);
    }
}

/// A client that waits for the answer to a message.
enum Waiting {
    /// For the first reply.
    First(oneshot::Sender<Answer>),
    /// For all replies of the call that answers first.
    All(oneshot::Sender<Result<Vec<Message>, DeliveryError>>),
}

impl Hub {
    pub fn new(window: usize) -> Self {
        Self {
            waiting: Mutex::default(),
            window: Semaphore::new(window),
            most: window,
            ended: Mutex::default(),
        }
    }

    /// Returns the accounts of all messages so far, also of those whose answer nobody expects.
    pub fn accounts(&self) -> Accounts {
        let ended = self.lock_ended();
        let Ended { all, failed, dead_lettered, refused } = *ended;
        let queued = self.most.saturating_sub(self.window.available_permits()) as u64;
        Accounts {
            accepted: all + queued,
            handled: all.saturating_sub(failed + dead_lettered),
            failed,
            dead_lettered,
            queued,
            refused,
            ..Accounts::default()
        }
    }

    fn lock_ended(&self) -> MutexGuard<'_, Ended> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns where the answer to a message arrives, for as long as the guard is kept.
    pub fn expect(&self, id: u64) -> (oneshot::Receiver<Answer>, Expected<'_>) {
        let (sender, receiver) = oneshot::channel();
        self.lock().insert(id, Waiting::First(sender));
        (receiver, Expected { hub: self, id })
    }

    /// As [`expect`](Self::expect), for all replies of the call that answers first.
    pub fn expect_all(
        &self,
        id: u64,
    ) -> (oneshot::Receiver<Result<Vec<Message>, DeliveryError>>, Expected<'_>) {
        let (sender, receiver) = oneshot::channel();
        self.lock().insert(id, Waiting::All(sender));
        (receiver, Expected { hub: self, id })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The guard of an expected answer: when it is dropped, the answer is no longer expected.
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
        let mut ended = Ended { all: done.into(), ..Ended::default() };
        let mut deliveries = deliveries.drain(..).peekable();
        while let Some((id, result)) = deliveries.next() {
            if let Err(why) = &result {
                ended.count(why);
            }
            // The receiver may be gone meanwhile.
            match waiting.remove(&id) {
                Some(Waiting::First(sender)) => {
                    let _ = sender.send(result);
                }
                Some(Waiting::All(sender)) => {
                    // The replies of one call come one after another.
                    let rest = std::iter::from_fn(|| {
                        deliveries.next_if(|(next, answer)| *next == id && answer.is_ok())
                    });
                    let rest = rest.filter_map(|(_, answer)| answer.ok());
                    let _ =
                        sender.send(result.map(|first| [first].into_iter().chain(rest).collect()));
                }
                // Neither a second reply nor one after the timeout is expected.
                None => {}
            }
        }
        drop(deliveries);
        drop(waiting);
        let mut so_far = self.lock_ended();
        so_far.all += ended.all;
        so_far.failed += ended.failed;
        so_far.dead_lettered += ended.dead_lettered;
        so_far.refused += ended.refused;
        // Under the lock, so that no message is counted both as in flight and as ended.
        self.window.add_permits(done as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_replies_of_a_call_go_to_whoever_asked_for_all_and_the_first_to_others() {
        let hub = Hub::new(2);
        let (mut first, _guard) = hub.expect(1);
        let (mut all, _guard) = hub.expect_all(2);
        let reply = |content: &[u8]| Ok(Message::request(content));
        let mut deliveries = VecDeque::from([
            (1, reply(b"a")),
            (1, reply(b"b")),
            (2, reply(b"c")),
            (2, reply(b"d")),
            (3, reply(b"nobody's")),
            (2, reply(b"too late")),
        ]);
        hub.deliver(&mut deliveries, 2);
        assert_eq!(first.try_recv().unwrap().unwrap().content, b"a");
        let all = all.try_recv().unwrap().unwrap();
        let contents: Vec<_> = all.iter().map(|message| &message.content[..]).collect();
        assert_eq!(contents, [b"c", b"d"]);
        assert!(deliveries.is_empty());
    }

    #[test]
    fn what_was_not_taken_is_accounted_for_though_nobody_expects_an_answer() {
        let hub = Hub::new(8);
        hub.window.try_acquire_many(6).unwrap().forget();
        let failed = DeliveryError::Failed(crate::Failure::Internal(String::new()));
        let mut deliveries = VecDeque::from([
            (1, Ok(Message::request("a reply"))),
            (2, Err(DeliveryError::MailboxFull)),
            (3, Err(DeliveryError::Stopped)),
            (4, Err(failed)),
        ]);
        hub.deliver(&mut deliveries, 5);
        let accounts = hub.accounts();
        let sum = "2 handled + 1 failed + 2 dead-lettered + 1 queued";
        assert!(accounts.to_string().starts_with(&format!("6 accepted = {sum}")), "{accounts}");
        assert_eq!(accounts.refused, 1);
    }
}
