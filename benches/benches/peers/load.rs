//! The load that every library gets, and the clients of libraries whose replies are futures.

use std::collections::VecDeque;
use std::future::Future;
use std::ops::Range;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

/// Threads that actors and clients run on; as many clients keep them busy.
pub const WORKERS: usize = 2;

/// Capacity of a mailbox, where the library has a bound: sandlab's default.
pub const MAILBOX: usize = 64;

/// The content of a message.
pub trait Payload: AsRef<[u8]> + Clone + Into<Vec<u8>> + Send + Sync + Unpin + 'static {}
impl<P: AsRef<[u8]> + Clone + Into<Vec<u8>> + Send + Sync + Unpin + 'static> Payload for P {}

/// The load of the clients.
#[derive(Clone, Copy)]
pub enum Kind {
    /// Await a reply to each message, with this many in flight over all clients.
    Ask(usize),
    /// Send without replies, and at the end await that all messages are processed.
    Tell,
}

impl Kind {
    /// One client if one message is in flight, else one per worker.
    pub fn clients(self) -> usize {
        match self {
            Self::Ask(in_flight) => in_flight.min(WORKERS),
            Self::Tell => WORKERS,
        }
    }

    /// The worker of an actor: that of its client.
    pub fn home(self, actor: usize, actors: usize) -> usize {
        actor * self.clients() / actors
    }
}

/// The work of all clients. Each sends to its own share of the actors in turn; with only one
/// actor, all clients send to that.
#[derive(Clone)]
pub struct Load<P> {
    pub kind: Kind,
    /// Sent by all clients together.
    pub messages: u64,
    pub payload: P,
}

/// One client's share of a load.
pub struct Share<P> {
    /// The worker of the client and of its actors.
    pub worker: usize,
    pub actors: Range<usize>,
    /// Messages that this client has in flight, if it awaits replies.
    pub in_flight: usize,
    pub messages: usize,
    pub kind: Kind,
    pub payload: P,
}

impl<P: Payload> Load<P> {
    pub fn shares(&self, actors: usize) -> Vec<Share<P>> {
        let clients = self.kind.clients();
        let part = |of: usize, client: usize| of * client / clients;
        let share = |client| {
            let own = part(actors, client)..part(actors, client + 1);
            let messages = self.messages as usize;
            Share {
                worker: if actors < clients { 0 } else { client },
                actors: if actors < clients { 0..actors } else { own },
                in_flight: match self.kind {
                    Kind::Ask(in_flight) => in_flight / clients,
                    Kind::Tell => MAILBOX,
                },
                messages: part(messages, client + 1) - part(messages, client),
                kind: self.kind,
                payload: self.payload.clone(),
            }
        };
        (0..clients).map(share).collect()
    }
}

/// A library with actors that echo an `ask`, and drop a `tell`.
pub trait Library<P> {
    /// Runs a load, checks every reply, and returns how long all of it took.
    fn run(&self, load: &Load<P>) -> Duration;
}

/// An actor of one library, as its clients see it.
pub trait Actor<P>: Send + Sync + Sized + 'static {
    /// Starts an actor on the worker that polls this future.
    fn start() -> impl Future<Output = Self> + Send;

    /// Queues a message, and returns the future of its reply.
    fn ask(&self, payload: P) -> impl Future<Output = impl Future<Output = P> + Send> + Send;

    /// Queues a message without a reply.
    fn tell(&self, payload: P) -> impl Future<Output = ()> + Send;
}

/// The threads that run actors and clients.
pub trait Workers {
    fn spawn(&self, worker: usize, work: impl Future<Output = ()> + Send + 'static);
}

/// Actors whose replies are futures, on their workers.
pub struct Actors<A, W> {
    actors: Arc<[A]>,
    workers: W,
}

impl<A, W: Workers> Actors<A, W> {
    /// Starts each actor on the worker of its client.
    pub fn start<P>(count: usize, kind: Kind, workers: W) -> Self
    where
        A: Actor<P>,
    {
        let start = |index| {
            let (sender, started) = mpsc::channel();
            workers.spawn(kind.home(index, count), async move {
                sender.send(A::start().await).expect("it is awaited");
            });
            started.recv().expect("an actor starts")
        };
        Self { actors: (0..count).map(start).collect(), workers }
    }
}

impl<P: Payload, A: Actor<P>, W: Workers> Library<P> for Actors<A, W> {
    fn run(&self, load: &Load<P>) -> Duration {
        let (sender, done) = mpsc::channel();
        let start = Instant::now();
        let shares = load.shares(self.actors.len());
        let clients = shares.len();
        for share in shares {
            let (sender, actors) = (sender.clone(), self.actors.clone());
            self.workers.spawn(share.worker, async move {
                client(&actors[share.actors.clone()], share).await;
                sender.send(()).expect("it is awaited");
            });
        }
        drop(sender);
        assert_eq!(done.iter().count(), clients, "a client failed");
        start.elapsed()
    }
}

async fn client<P: Payload, A: Actor<P>>(actors: &[A], share: Share<P>) {
    let in_turn = actors.iter().cycle().take(share.messages);
    match share.kind {
        Kind::Ask(_) => ask(in_turn, share.in_flight, &share.payload).await,
        Kind::Tell => {
            for (number, actor) in in_turn.enumerate() {
                actor.tell(share.payload.clone()).await;
                // A send that need not wait keeps the worker from the actors.
                if number % MAILBOX == MAILBOX - 1 {
                    tokio::task::yield_now().await;
                }
            }
            // A mailbox is a queue: an actor that replies now has processed all messages before.
            let told = actors.iter().take(share.messages);
            ask(told, share.in_flight, &share.payload).await;
        }
    }
}

/// Asks each of the actors, with at most `in_flight` replies outstanding, and checks the replies.
async fn ask<'a, P: Payload, A: Actor<P>>(
    actors: impl Iterator<Item = &'a A>,
    in_flight: usize,
    payload: &P,
) {
    let mut waiting = VecDeque::with_capacity(in_flight);
    for actor in actors {
        if waiting.len() == in_flight
            && let Some(oldest) = waiting.pop_front()
        {
            check(&oldest.await, payload);
        }
        waiting.push_back(actor.ask(payload.clone()).await);
    }
    for reply in waiting {
        check(&reply.await, payload);
    }
}

/// Panics unless a reply has the length of its message.
pub fn check(reply: &impl AsRef<[u8]>, payload: &impl AsRef<[u8]>) {
    assert_eq!(reply.as_ref().len(), payload.as_ref().len(), "a wrong reply");
}
