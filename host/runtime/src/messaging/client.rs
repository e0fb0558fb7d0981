//! A client that awaits each reply: any number of clones, on any tokio runtime.

use super::Accounts;
use super::address::Address;
use super::envelope::Envelope;
use super::link::Hub;
use super::registry::Registry;
use crate::agent::Directory;
use crate::message::Head;
use crate::{AgentId, Failure, Fault, Message, Performative, SendError, span};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::oneshot;

/// The reason that a message has no reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryError {
    /// The agent answered with a failure, and stays alive.
    #[error("{}", .0.sentence())]
    Failed(Failure),
    /// The agent ended while it handled the message, or was not restarted before.
    #[error("the agent ended: {0}")]
    Ended(Fault),
    /// No agent with the id is alive.
    #[error("there is no such agent")]
    NoSuchAgent,
    /// The agent's mailbox was full.
    #[error("the agent's mailbox is full; send less, or later")]
    MailboxFull,
    /// The message is at the end of a chain of more agents than
    /// [`max_hops`](super::Settings::max_hops).
    #[error("the message went through too many agents: do they send it in a circle?")]
    TooManyHops,
    /// The agent was stopped before it handled the message.
    #[error("the agent was stopped")]
    Stopped,
    /// The runtime was shut down before the agent handled the message.
    #[error("the runtime was shut down")]
    ShutDown,
    /// No reply came within the timeout. The message may still be handled.
    #[error("no reply came within {}", span(*.0))]
    TimedOut(Duration),
}

/// A message before it has an id, a sender and a recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The kind of message.
    pub performative: Performative,
    /// The conversation that it belongs to; `None` begins one.
    pub conversation: Option<u64>,
    /// The content.
    pub content: Vec<u8>,
}

/// Sends messages and awaits their replies. Clones share one window of messages in flight.
///
/// ```no_run
/// use sandlab_runtime::Performative;
/// use sandlab_runtime::messaging::{DeliveryError, Runtime};
/// use std::time::Duration;
///
/// async fn greet(runtime: &Runtime) -> Result<(), DeliveryError> {
///     let client = runtime.client();
///     let echo = client.find("echo").ok_or(DeliveryError::NoSuchAgent)?;
///     let timeout = Duration::from_secs(1);
///     let reply = client.ask(echo, Performative::Request, "hello", timeout).await?;
///     assert_eq!(reply.content, b"hello");
///     // Without a reply: returns when the message is in the agent's inbox.
///     client.tell(echo, Performative::Inform, "goodbye").await
/// }
/// ```
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
        Self(Arc::new(Inner { registry, hub, link, next: AtomicU64::new(1) }))
    }

    /// Returns the live agent with this name.
    pub fn find(&self, name: &str) -> Option<AgentId> {
        self.0.registry.local(name)
    }

    /// Checks whether an agent would take a message now.
    ///
    /// # Errors
    /// [`SendError::UnknownRecipient`] if it is not alive, [`SendError::MailboxFull`].
    pub fn accepts(&self, agent: AgentId) -> Result<(), SendError> {
        self.0.registry.accept(agent)
    }

    /// Returns the accounts of the messages that this client and its clones have sent so far, also
    /// of those that nobody awaits a reply to: whether an agent took such a message is known here
    /// only. Messages on their way are queued; agents, replies and restarts are not counted.
    pub fn accounts(&self) -> Accounts {
        self.0.hub.accounts()
    }

    /// Sends a message and awaits the first reply to it. Waits while the window is full.
    ///
    /// # Errors
    /// [`DeliveryError`] with the reason if there is none.
    pub async fn ask(
        &self,
        agent: AgentId,
        performative: Performative,
        content: impl Into<Vec<u8>>,
        timeout: Duration,
    ) -> Result<Message, DeliveryError> {
        let draft = Draft { performative, conversation: None, content: content.into() };
        let message = self.message(agent, draft);
        let (reply, _expected) = self.0.hub.expect(message.id);
        self.answered(message, reply, timeout).await
    }

    /// Sends a message and awaits the replies of the agent that answers first: all that it gives
    /// in that call, at least one. Waits while the window is full.
    ///
    /// # Errors
    /// [`DeliveryError`] with the reason if there is none.
    pub async fn ask_all(
        &self,
        agent: AgentId,
        draft: Draft,
        timeout: Duration,
    ) -> Result<Vec<Message>, DeliveryError> {
        let message = self.message(agent, draft);
        let (replies, _expected) = self.0.hub.expect_all(message.id);
        self.answered(message, replies, timeout).await
    }

    async fn answered<T>(
        &self,
        message: Message,
        answer: oneshot::Receiver<Result<T, DeliveryError>>,
        timeout: Duration,
    ) -> Result<T, DeliveryError> {
        let answered = async {
            self.send(message).await?;
            answer.await.map_err(|_| DeliveryError::ShutDown)?
        };
        let result = tokio::time::timeout(timeout, answered).await;
        result.unwrap_or(Err(DeliveryError::TimedOut(timeout)))
    }

    /// Sends a message without waiting for a reply. Waits while the window is full.
    ///
    /// # Errors
    /// [`DeliveryError::NoSuchAgent`] if no shard can have the id, [`DeliveryError::ShutDown`].
    pub async fn tell(
        &self,
        agent: AgentId,
        performative: Performative,
        content: impl Into<Vec<u8>>,
    ) -> Result<(), DeliveryError> {
        let draft = Draft { performative, conversation: None, content: content.into() };
        self.tell_draft(agent, draft).await
    }

    /// Does the same as [`tell`](Self::tell) with a message of a conversation.
    ///
    /// # Errors
    /// As [`tell`](Self::tell).
    pub async fn tell_draft(&self, agent: AgentId, draft: Draft) -> Result<(), DeliveryError> {
        self.send(self.message(agent, draft)).await
    }

    fn message(&self, agent: AgentId, draft: Draft) -> Message {
        let id = self.0.next.fetch_add(1, Ordering::Relaxed);
        let sender = Address::client(self.0.link).into();
        let mut head = Head::first(id, sender, agent, draft.performative);
        head.conversation = draft.conversation.unwrap_or(id);
        head.with(draft.content)
    }

    async fn send(&self, message: Message) -> Result<(), DeliveryError> {
        let inbox = self.0.registry.inbox_of(message.recipient);
        let inbox = inbox.ok_or(DeliveryError::NoSuchAgent)?;
        let permit = self.0.hub.window.acquire().await;
        // The shard gives the permit back when it is done with the message.
        permit.map_err(|_| DeliveryError::ShutDown)?.forget();
        if inbox.send_one(Envelope::new(message)) {
            return Ok(());
        }
        self.0.hub.window.add_permits(1);
        Err(DeliveryError::ShutDown)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.registry.remove_link(self.link);
    }
}
