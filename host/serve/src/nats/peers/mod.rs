//! Agents of several hosts that find each other by name, and send to each other as if they were on
//! one host.
//!
//! ```text
//! agent ─▶ Carrier ─▶ queue ─┬▶ sandlab.NAME ──▶ Service ─┐
//!                            └▶ sandlab.@HOST.AGENT ──────┴▶ Entrance ─▶ agent
//! ```
//!
//! Each host learns the agents of the others from the micro service's `$SRV.INFO`.

mod discover;
mod known;

use super::NatsError;
use super::between::{self, Arrived, Place, Subject};
use super::connections::Connections;
use super::settings::Settings;
use super::wire::{self, Refused, code};
use crate::Host;
use async_nats::Subscriber;
use bytes::Bytes;
use futures_util::StreamExt;
use known::{Known, Peer};
use sandlab_runtime::messaging::{Carrier, Entrance, foreign};
use sandlab_runtime::{AgentId, Message, Performative, SendError};
use std::sync::{Arc, OnceLock};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinHandle;

/// Messages to other hosts that may wait for the connection; more are refused.
const MOST_WAITING: usize = 1 << 14;

/// Lets the agents of a host and those of others find each other, until it is dropped.
pub struct Peers {
    shared: Arc<Shared>,
    tasks: Vec<JoinHandle<()>>,
}

/// State that the carrier, the receiver and the service share.
pub struct Shared {
    /// The token by which other hosts know this one.
    host: String,
    settings: Settings,
    connections: Connections,
    known: Known,
    /// Wakes who looks for names.
    missed: Notify,
    queue: mpsc::Sender<Queued>,
    /// Set at once after the start.
    entrance: OnceLock<Entrance>,
}

/// The content of the queue to the connection.
enum Queued {
    Message(Outgoing),
    /// Answered once all before it is sent.
    Mark(oneshot::Sender<()>),
}

/// A message for another host.
struct Outgoing {
    to: Peer,
    message: Message,
    hops: u32,
}

impl Peers {
    /// Connects the agents of a host with those of others.
    ///
    /// # Errors
    /// [`NatsError`] if a connection has ended, or if something carries the host's messages
    /// already.
    pub async fn start(
        host: &Host,
        connections: &Connections,
        settings: &Settings,
    ) -> Result<Self, NatsError> {
        let client = &connections.all()[0];
        let token = client.new_inbox().rsplit('.').next().unwrap_or_default().to_owned();
        let (queue, waiting) = mpsc::channel(MOST_WAITING);
        let shared = Arc::new(Shared {
            host: token,
            settings: settings.clone(),
            connections: connections.clone(),
            known: Known::default(),
            missed: Notify::new(),
            queue,
            entrance: OnceLock::new(),
        });
        let carrier: Arc<dyn Carrier> = shared.clone();
        let entrance =
            host.runtime().carry_by(Arc::downgrade(&carrier)).ok_or(NatsError::Carried)?;
        let _ = shared.entrance.set(entrance);
        let subject = format!("{}.>", shared.subject_of_host());
        let arriving = client.subscribe(subject.clone()).await;
        let arriving =
            arriving.map_err(|error| NatsError::Subscribe(subject, error.to_string()))?;
        let tasks = vec![
            tokio::spawn(shared.clone().receive(arriving)),
            tokio::spawn(shared.clone().send(waiting)),
            tokio::spawn(discover::run(shared.clone())),
        ];
        connections.flush().await?;
        Ok(Self { shared, tasks })
    }

    pub(super) fn shared(&self) -> Arc<Shared> {
        self.shared.clone()
    }

    /// Waits until the connection has all messages that agents here have sent so far, and ends.
    pub async fn finish(self) {
        let (mark, reached) = oneshot::channel();
        if self.shared.queue.send(Queued::Mark(mark)).await.is_ok() {
            // Fails only if the task that sends has ended, which leaves nothing to wait for.
            let _ = reached.await;
        }
    }
}

impl Drop for Peers {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Carrier for Shared {
    fn find(&self, name: &str) -> Option<u32> {
        let found = self.known.find(name);
        if found.is_none() {
            self.missed.notify_one();
        }
        found
    }

    fn knows(&self, agent: u32) -> bool {
        self.known.has(agent)
    }

    fn carry(&self, agent: u32, message: Message, hops: u32) -> Result<(), Message> {
        let Some(to) = self.known.peer(agent) else {
            return Err(message);
        };
        match self.queue.try_reserve() {
            Ok(place) => {
                place.send(Queued::Message(Outgoing { to, message, hops }));
                Ok(())
            }
            Err(_) => Err(message),
        }
    }
}

impl Shared {
    /// Passes a message that came for the agent with this name.
    pub fn enter_by_name(&self, name: &str, arrived: Arrived) -> Result<(), Refused> {
        let agent = self.entrance.get().and_then(|entrance| entrance.find(name));
        match agent {
            Some(agent) => self.enter(agent, arrived),
            None => Err(Refused::new(code::UNKNOWN, format!("there is no agent {name:?}"))),
        }
    }

    fn enter(&self, agent: AgentId, arrived: Arrived) -> Result<(), Refused> {
        let Arrived { sender, message, hops } = arrived;
        let Some(sender) = self.known.number(Peer::At(sender)) else {
            return Err(Refused::new(code::TOO_MANY, "too many agents have sent to this host"));
        };
        let message = Message { sender: foreign(sender), recipient: agent, ..message };
        let entered = self.entrance.get().map(|entrance| entrance.enter(message, hops));
        match entered {
            Some(Ok(())) => Ok(()),
            Some(Err(SendError::MailboxFull | SendError::OverBudget)) => {
                let text = "the agent's mailbox is full; send less, or later";
                Err(Refused::new(code::TOO_MANY, text))
            }
            Some(Err(SendError::UnknownRecipient)) | None => {
                Err(Refused::new(code::UNKNOWN, "there is no such agent"))
            }
        }
    }

    /// Returns the subject of messages for this host alone, without the part after the host's.
    fn subject_of_host(&self) -> String {
        self.subject_at(&self.host)
    }

    fn subject_at(&self, host: &str) -> String {
        format!("{}.@{host}", self.settings.subject_prefix)
    }

    /// Sends messages of the agents here to those of other hosts.
    async fn send(self: Arc<Self>, mut waiting: mpsc::Receiver<Queued>) {
        while let Some(queued) = waiting.recv().await {
            let Outgoing { to, message, hops } = match queued {
                Queued::Message(outgoing) => outgoing,
                Queued::Mark(mark) => {
                    // Who waited for it may be gone.
                    let _ = mark.send(());
                    continue;
                }
            };
            let (key, subject) = match &to {
                Peer::Named(name) => (name, self.settings.subject(name)),
                Peer::At(Place { host, agent }) => {
                    (host, Some(format!("{}.{agent}", self.subject_at(host))))
                }
            };
            let Some(subject) = subject else { continue };
            let client = &self.connections.all()[self.connections.pick(key)];
            let headers = between::headers(&self.host, &message, hops);
            let Message { sender, id, conversation, in_reply_to, content, .. } = message;
            let content = Bytes::from(content);
            let sent = match in_reply_to {
                // A reply is not answered, or two agents could do so forever.
                Some(_) => client.publish_with_headers(subject, headers, content).await,
                None => {
                    let notice = Subject::Notice { agent: sender, id, conversation, hops };
                    let notice = format!("{}.{notice}", self.subject_of_host());
                    client.publish_with_reply_and_headers(subject, notice, headers, content).await
                }
            };
            if let (Err(error), None) = (sent, in_reply_to) {
                self.notify(sender, id, conversation, hops, &error.to_string());
            }
        }
    }

    /// Receives messages for this host alone.
    async fn receive(self: Arc<Self>, mut arriving: Subscriber) {
        let prefix = format!("{}.", self.subject_of_host());
        while let Some(received) = arriving.next().await {
            let subject = received.subject.strip_prefix(prefix.as_str()).and_then(Subject::read);
            match subject {
                Some(Subject::Message(agent)) => {
                    let refused = self.receive_for(agent, &received).err();
                    if let Some((refused, inbox)) = refused.zip(received.reply) {
                        let headers = wire::error(&refused);
                        let client = &self.connections.all()[0];
                        // Fails only if the connection has ended.
                        let _ = client.publish_with_headers(inbox, headers, Bytes::new()).await;
                    }
                }
                Some(Subject::Notice { agent, id, conversation, hops }) => {
                    if let Ok(Err(refused)) =
                        wire::replied(received.status, received.headers.as_ref())
                    {
                        self.notify(agent, id, conversation, hops, &refused.text);
                    }
                }
                None => {}
            }
        }
    }

    fn receive_for(&self, agent: AgentId, received: &async_nats::Message) -> Result<(), Refused> {
        let arrived = between::arrived(received.headers.as_ref(), &received.payload);
        match arrived {
            Ok(Some(arrived)) => self.enter(agent, arrived),
            Ok(None) => Err(Refused::new(code::MALFORMED, "the message names no sender")),
            Err(malformed) => Err(Refused::new(code::MALFORMED, malformed.to_string())),
        }
    }

    /// Tells an agent here that its message, which so many agents have led to, was not accepted.
    fn notify(&self, agent: AgentId, id: u64, conversation: u64, hops: u32, why: &str) {
        let message = Message {
            id,
            conversation,
            in_reply_to: Some(id),
            sender: 0,
            recipient: agent,
            performative: Performative::Failure,
            content: why.as_bytes().to_vec(),
        };
        if let Some(entrance) = self.entrance.get() {
            // An agent that has ended meanwhile does not want to know.
            let _ = entrance.enter(message, hops.saturating_add(1));
        }
    }
}
