//! A pipelined connection: one owner, many messages in flight, handed over in batches.

use super::address::Address;
use super::client::DeliveryError;
use super::envelope::Envelope;
use super::link::{Delivery, Queue};
use super::registry::Registry;
use crate::message::Head;
use crate::{AgentId, Performative, prefetch};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

/// A pipelined connection, from a thread or a task. Without a future per message it is the
/// fastest way to send.
///
/// Messages are buffered until [`flush`](Self::flush), or until the connection waits.
///
/// ```no_run
/// use sandlab_runtime::messaging::{Runtime, WindowFull};
/// use sandlab_runtime::{AgentId, Performative};
///
/// fn send_all(runtime: &Runtime, agent: AgentId) -> Result<(), WindowFull> {
///     let mut connection = runtime.connect(64);
///     for number in 0..64_u32 {
///         connection.send(agent, Performative::Request, number.to_le_bytes())?;
///     }
///     while connection.in_flight() > 0 {
///         if let Some((id, reply)) = connection.wait() {
///             println!("message {id}: {reply:?}");
///         }
///     }
///     Ok(())
/// }
/// ```
pub struct Connection {
    registry: Arc<Registry>,
    queue: Arc<Queue>,
    link: u32,
    next: u64,
    window: u32,
    in_flight: u32,
    /// For each shard, the messages that are not flushed yet.
    outgoing: Vec<Vec<Envelope>>,
    arrived: VecDeque<Delivery>,
}

/// The window is full: wait for a reply before the next message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("as many messages are in flight as the window allows; wait for one")]
pub struct WindowFull;

impl Connection {
    pub(super) fn new(registry: Arc<Registry>, window: u32) -> Self {
        let queue = Arc::new(Queue::default());
        let link = registry.add_link(queue.clone());
        let outgoing = registry.inboxes.iter().map(|_| Vec::new()).collect();
        Self {
            registry,
            queue,
            link,
            next: 1,
            window,
            in_flight: 0,
            outgoing,
            arrived: VecDeque::new(),
        }
    }

    /// Adds a message to the next batch; returns its id, which the delivery of its reply has.
    ///
    /// # Errors
    /// If the window is full; the content is dropped.
    pub fn send(
        &mut self,
        agent: AgentId,
        performative: Performative,
        content: impl Into<Vec<u8>>,
    ) -> Result<u64, WindowFull> {
        if self.in_flight >= self.window {
            return Err(WindowFull);
        }
        self.in_flight += 1;
        let id = self.next;
        self.next += 1;
        let sender = Address::client(self.link).into();
        let message = Head::first(id, sender, agent, performative).with(content.into());
        match self.outgoing.get_mut(usize::from(Address::from(agent).shard)) {
            Some(batch) => batch.push(Envelope::new(message)),
            None => {
                self.in_flight -= 1;
                self.arrived.push_back((id, Err(DeliveryError::NoSuchAgent)));
            }
        }
        Ok(id)
    }

    /// Returns the id of the next message.
    pub fn next_id(&self) -> u64 {
        self.next
    }

    /// Returns how many messages are in flight.
    pub fn in_flight(&self) -> u32 {
        self.in_flight
    }

    /// Returns how many messages may be in flight.
    pub fn window(&self) -> u32 {
        self.window
    }

    /// Passes the buffered messages to the shards.
    pub fn flush(&mut self) {
        for (inbox, batch) in self.registry.inboxes.iter().zip(&mut self.outgoing) {
            if batch.is_empty() {
                continue;
            }
            if !inbox.send(batch) {
                self.in_flight -= batch.len() as u32;
                let lost = batch.drain(..).map(|e| (e.message.id, Err(DeliveryError::ShutDown)));
                self.arrived.extend(lost);
            }
        }
    }

    /// Returns the next delivery if one has arrived: a message's id with its reply, or why
    /// there is none. Does not wait.
    pub fn try_next(&mut self) -> Option<Delivery> {
        if self.arrived.is_empty() {
            let _ = self.poll(Waker::noop());
        }
        if let Some((_, Ok(next))) = self.arrived.get(1) {
            prefetch::content(&next.content);
        }
        self.arrived.pop_front()
    }

    /// Awaits the next delivery. Returns `None` if only a place in the window became free: the
    /// agent handled a message without a reply.
    pub async fn next(&mut self) -> Option<Delivery> {
        self.flush();
        if let Some(delivery) = self.arrived.pop_front() {
            return Some(delivery);
        }
        poll_fn(|context| self.poll(context.waker())).await;
        self.arrived.pop_front()
    }

    /// Does the same as [`next`](Self::next), but blocks the thread.
    pub fn wait(&mut self) -> Option<Delivery> {
        self.flush();
        if let Some(delivery) = self.arrived.pop_front() {
            return Some(delivery);
        }
        thread_local! {
            static WAKER: Waker = Waker::from(Arc::new(Unpark(thread::current())));
        }
        WAKER.with(|waker| {
            while self.poll(waker).is_pending() {
                thread::park();
            }
        });
        self.arrived.pop_front()
    }

    fn poll(&mut self, waker: &Waker) -> Poll<()> {
        let mut context = Context::from_waker(waker);
        let polled = self.queue.poll(&mut context, &mut self.arrived);
        polled.map(|done| self.in_flight -= done)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.flush();
        self.registry.remove_link(self.link);
    }
}

/// Wakes a thread.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
