//! A pipelined connection: one owner, many messages in flight, handed over in batches.
//! Without a future for each message it is the fastest way in, from a thread or a task.

use super::address::Address;
use super::client::Undelivered;
use super::envelope::Envelope;
use super::link::{Delivery, Queue};
use super::registry::Registry;
use crate::{AgentId, Message, Performative};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

/// A pipelined connection. What is sent leaves with [`flush`](Self::flush), or before a wait.
pub struct Connection {
    registry: Arc<Registry>,
    queue: Arc<Queue>,
    link: u32,
    next: u64,
    window: u32,
    in_flight: u32,
    /// For each shard, what has not left yet.
    outgoing: Vec<Vec<Envelope>>,
    arrived: VecDeque<Delivery>,
}

/// The window is full: wait for something to come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("as many messages are on their way as the window allows; wait for one")]
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

    /// Adds a message to the next batch, and returns the id that its replies answer.
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
        let message = Message {
            id,
            conversation: id,
            in_reply_to: None,
            sender: Address::client(self.link).into(),
            recipient: agent,
            performative,
            content: content.into(),
        };
        match self
            .outgoing
            .get_mut(usize::from(Address::from(agent).shard))
        {
            Some(batch) => batch.push(Envelope::new(message)),
            None => {
                self.in_flight -= 1;
                self.arrived.push_back((id, Err(Undelivered::NoSuchAgent)));
            }
        }
        Ok(id)
    }

    /// The id that the next message will have.
    pub fn next_id(&self) -> u64 {
        self.next
    }

    /// Messages whose end is not known yet.
    pub fn in_flight(&self) -> u32 {
        self.in_flight
    }

    /// Messages that may be on their way at once.
    pub fn window(&self) -> u32 {
        self.window
    }

    /// Hands over what was sent.
    pub fn flush(&mut self) {
        for (inbox, batch) in self.registry.inboxes.iter().zip(&mut self.outgoing) {
            if batch.is_empty() {
                continue;
            }
            if !inbox.send(batch) {
                self.in_flight -= batch.len() as u32;
                let lost = batch
                    .drain(..)
                    .map(|e| (e.message.id, Err(Undelivered::ShutDown)));
                self.arrived.extend(lost);
            }
        }
    }

    /// What has come back and was not taken: for a message's id a reply, or why there is
    /// none. Does not wait.
    pub fn try_next(&mut self) -> Option<Delivery> {
        if self.arrived.is_empty() {
            let _ = self.poll(Waker::noop());
        }
        self.arrived.pop_front()
    }

    /// Awaits until a reply came back, or a place in the window did; then returns the reply,
    /// if it was one.
    pub async fn next(&mut self) -> Option<Delivery> {
        self.flush();
        if let Some(delivery) = self.arrived.pop_front() {
            return Some(delivery);
        }
        poll_fn(|context| self.poll(context.waker())).await;
        self.arrived.pop_front()
    }

    /// As [`next`](Self::next), but blocks the thread.
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
