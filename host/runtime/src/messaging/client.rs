//! A client that awaits: any number of clones, on any tokio runtime.

use super::address::Address;
use super::envelope::Envelope;
use super::link::Hub;
use super::registry::Registry;
use crate::agent::Directory;
use crate::{AgentId, Failure, Fault, Message, Performative};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Why nothing came of a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Undelivered {
    /// The agent answered with a failure. It lives on.
    #[error("{0}")]
    Failed(Failure),
    /// The agent ended while it handled the message, or was given up before.
    #[error("the agent ended: {0}")]
    Ended(Fault),
    /// No live agent has the id.
    #[error("there is no such agent")]
    NoSuchAgent,
    /// The agent's mailbox was full.
    #[error("the agent's mailbox is full; send less, or later")]
    MailboxFull,
    /// What led to the message went through too many agents.
    #[error("the message went through too many agents: do they send it in a circle?")]
    TooManyHops,
    /// The agent was stopped before it came to the message.
    #[error("the agent was stopped")]
    Stopped,
    /// The runtime was shut down before the agent came to the message.
    #[error("the runtime was shut down")]
    ShutDown,
    /// No reply came in time. The message may still be handled.
    #[error("no reply came within {0:?}")]
    TimedOut(Duration),
}

/// Sends messages, and awaits replies. Clones share one window of messages on their way.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    registry: Arc<Registry>,
    hub: Arc<Hub>,
    link: u32,
    next: AtomicU64,
}

impl Client {
    pub(super) fn new(registry: Arc<Registry>, window: usize) -> Self {
        let hub = Arc::new(Hub::new(window));
        let link = registry.add_link(hub.clone());
        Self(Arc::new(Inner {
            registry,
            hub,
            link,
            next: AtomicU64::new(1),
        }))
    }

    /// The live agent with this name.
    pub fn find(&self, name: &str) -> Option<AgentId> {
        self.0.registry.find(name)
    }

    /// Sends a message and awaits the first reply to it. Waits while the window is full.
    ///
    /// # Errors
    /// [`Undelivered`] with why there is none.
    pub async fn ask(
        &self,
        agent: AgentId,
        performative: Performative,
        content: impl Into<Vec<u8>>,
        timeout: Duration,
    ) -> Result<Message, Undelivered> {
        let message = self.message(agent, performative, content.into());
        let (reply, _expected) = self.0.hub.expect(message.id);
        let replied = async {
            self.send(message).await?;
            reply.await.map_err(|_| Undelivered::ShutDown)?
        };
        let result = tokio::time::timeout(timeout, replied).await;
        result.unwrap_or(Err(Undelivered::TimedOut(timeout)))
    }

    /// Sends a message and does not wait for what comes of it, but for the window.
    ///
    /// # Errors
    /// [`Undelivered::NoSuchAgent`] or [`Undelivered::ShutDown`], if that is known at once.
    pub async fn tell(
        &self,
        agent: AgentId,
        performative: Performative,
        content: impl Into<Vec<u8>>,
    ) -> Result<(), Undelivered> {
        self.send(self.message(agent, performative, content.into()))
            .await
    }

    fn message(&self, agent: AgentId, performative: Performative, content: Vec<u8>) -> Message {
        let id = self.0.next.fetch_add(1, Ordering::Relaxed);
        Message {
            id,
            conversation: id,
            in_reply_to: None,
            sender: Address::client(self.0.link).into(),
            recipient: agent,
            performative,
            content,
        }
    }

    async fn send(&self, message: Message) -> Result<(), Undelivered> {
        let inbox = self.0.registry.inbox_of(message.recipient);
        let inbox = inbox.ok_or(Undelivered::NoSuchAgent)?;
        let permit = self.0.hub.window.acquire().await;
        // The shard gives it back when it is done with the message.
        permit.map_err(|_| Undelivered::ShutDown)?.forget();
        if inbox.send_one(Envelope::new(message)) {
            return Ok(());
        }
        self.0.hub.window.add_permits(1);
        Err(Undelivered::ShutDown)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.registry.remove_link(self.link);
    }
}
