//! What every library is loaded with, and the clients of those whose asks are futures.

use std::collections::VecDeque;
use std::future::Future;
use std::ops::Range;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

/// Threads that actors and clients run on, and so how many clients keep them busy.
pub const WORKERS: usize = 2;

/// Messages that may wait for one actor, where the library bounds that: sandlab's default.
pub const MAILBOX: usize = 64;

/// What a message carries.
pub trait Payload: AsRef<[u8]> + Clone + Into<Vec<u8>> + Send + Sync + Unpin + 'static {}
impl<P: AsRef<[u8]> + Clone + Into<Vec<u8>> + Send + Sync + Unpin + 'static> Payload for P {}

/// What clients do.
#[derive(Clone, Copy)]
pub enum Kind {
    /// Await a reply to each message, with so many in flight, all clients together.
    Ask(usize),
    /// Send, and at the end await that all is processed.
    Tell,
}

impl Kind {
    /// One client, if one message is in flight; else one a worker.
    pub fn clients(self) -> usize {
        match self {
            Self::Ask(in_flight) => in_flight.min(WORKERS),
            Self::Tell => WORKERS,
        }
    }

    /// The worker that an actor belongs on: its client's.
    pub fn home(self, actor: usize, actors: usize) -> usize {
        actor * self.clients() / actors
    }
}

/// Clients' work. Each client has its own share of the actors, or with only one actor
/// shares that, and sends to them in turn.
#[derive(Clone)]
pub struct Load<P> {
    pub kind: Kind,
    /// Of all clients together.
    pub messages: u64,
    pub payload: P,
}

/// One client's share of a load.
pub struct Share<P> {
    /// The worker that the client belongs on: with its actors, of which there may be one.
    pub worker: usize,
    pub actors: Range<usize>,
    /// Of this client alone, if it asks.
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

/// A library with actors that echo what they are asked, and swallow what they are told.
pub trait Library<P> {
    /// Brings a load to its end, and returns how long that took. Every reply is checked.
    fn run(&self, load: &Load<P>) -> Duration;
}

/// One library's actor, as its clients see it.
pub trait Actor<P>: Send + Sync + Sized + 'static {
    /// Starts one, on the worker that this runs on.
    fn start() -> impl Future<Output = Self> + Send;

    /// Queues a message; the future that this returns is its reply.
    fn ask(&self, payload: P) -> impl Future<Output = impl Future<Output = P> + Send> + Send;

    /// Queues a message that nobody answers.
    fn tell(&self, payload: P) -> impl Future<Output = ()> + Send;
}

/// What runs actors and clients.
pub trait Workers {
    fn spawn(&self, worker: usize, work: impl Future<Output = ()> + Send + 'static);
}

/// Actors that are asked by futures, on the workers that they run on.
pub struct Actors<A, W> {
    actors: Arc<[A]>,
    workers: W,
}

impl<A, W: Workers> Actors<A, W> {
    /// Starts them, each on the worker of the client that it belongs to.
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
        Self {
            actors: (0..count).map(start).collect(),
            workers,
        }
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
            // A mailbox is a queue: whoever answers now has processed what it was told before.
            let told = actors.iter().take(share.messages);
            ask(told, share.in_flight, &share.payload).await;
        }
    }
}

/// Asks each of these actors, with so many in flight, and checks the replies.
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

/// A reply has its message's length.
pub fn check(reply: &impl AsRef<[u8]>, payload: &impl AsRef<[u8]>) {
    assert_eq!(
        reply.as_ref().len(),
        payload.as_ref().len(),
        "a wrong reply"
    );
}
