//! A host's agents as a NATS micro service, which answers `$SRV.PING`, `$SRV.INFO` and
//! `$SRV.STATS`: one endpoint per agent.

use super::NatsError;
use super::between::{self, Arrived};
use super::connections::Connections;
use super::peers::{Peers, Shared};
use super::settings::Settings;
use super::wire::{self, Malformed, Place, Refused, code};
use crate::{Host, Request};
use async_nats::Client;
use async_nats::client::PublishErrorKind;
use async_nats::service::endpoint::Endpoint;
use async_nats::service::{self, ServiceExt};
use bytes::Bytes;
use bytesize::ByteSize;
use futures_util::{FutureExt, StreamExt};
use sandlab_runtime::{Message, Performative};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

/// The name of the micro service.
const NAME: &str = "sandlab";

/// Answers for a host's agents until it is drained, or dropped. Agents can be added; to remove
/// some, start another and then drain this one: meanwhile both answer.
pub struct Service {
    common: Arc<Common>,
    /// One per connection, each with the agents that are received there.
    instances: Vec<service::Service>,
    /// Each agent with its listeners.
    agents: Vec<(Arc<Agent>, Vec<JoinHandle<()>>)>,
    leave: watch::Sender<bool>,
}

/// The outcome of a drain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Messages that had no answer when the time was over.
    pub left: usize,
}

/// What all agents share.
struct Common {
    host: Host,
    connections: Connections,
    settings: Settings,
    /// Where messages from agents of other hosts come in; `None` if none do.
    peers: Option<Arc<Shared>>,
}

/// What the messages of one agent share.
struct Agent {
    common: Arc<Common>,
    name: String,
    /// A permit for each message that may wait for its reply.
    places: Arc<Semaphore>,
}

impl Service {
    /// Starts to answer for these agents of a host; for agents of other hosts too if it is given
    /// what connects them.
    ///
    /// # Errors
    /// [`NatsError`] if a subject cannot have an agent's name, or if a connection has ended.
    pub async fn start(
        host: &Host,
        agents: impl IntoIterator<Item = String>,
        connections: &Connections,
        settings: &Settings,
        peers: Option<&Peers>,
    ) -> Result<Self, NatsError> {
        let common = Arc::new(Common {
            host: host.clone(),
            connections: connections.clone(),
            settings: settings.clone(),
            peers: peers.map(Peers::shared),
        });
        let (leave, _) = watch::channel(false);
        let mut service = Self { common, instances: Vec::new(), agents: Vec::new(), leave };
        for client in connections.all() {
            let builder = client.service_builder().queue_group(&settings.queue_group);
            let builder = builder.description("agents in sandboxes");
            let started = builder.start(NAME, env!("CARGO_PKG_VERSION")).await;
            service.instances.push(started.map_err(|error| refused_subscription(NAME, &error))?);
        }
        service.add(agents).await?;
        Ok(service)
    }

    /// Answers for these agents too.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn add(&mut self, agents: impl IntoIterator<Item = String>) -> Result<(), NatsError> {
        let subject = |name: String| match self.common.settings.subject(&name) {
            Some(subject) => Ok((name, subject)),
            None => Err(NatsError::Name(name)),
        };
        // First, so that nothing is started in vain.
        let agents: Vec<_> = agents.into_iter().map(subject).collect::<Result<_, _>>()?;
        for (name, subject) in agents {
            self.listen(name, &subject).await?;
        }
        // The server has all subscriptions once it answers.
        self.common.connections.flush().await
    }

    async fn listen(&mut self, name: String, subject: &str) -> Result<(), NatsError> {
        let places = Arc::new(Semaphore::new(self.common.settings.concurrency));
        let agent = Arc::new(Agent { common: self.common.clone(), name, places });
        let connections = &self.common.connections;
        let mut listeners = Vec::new();
        for index in connections.listening(&agent.name) {
            // A dot would end the name of an endpoint in monitoring tools.
            let builder =
                self.instances[index].endpoint_builder().name(agent.name.replace('.', "-"));
            let endpoint = builder.add(subject).await;
            let endpoint = endpoint.map_err(|error| refused_subscription(subject, &error))?;
            let connection = connections.all()[index].clone();
            let task = receive(agent.clone(), connection, endpoint, self.leave.subscribe());
            listeners.push(tokio::spawn(task));
        }
        self.agents.push((agent, listeners));
        Ok(())
    }

    /// Returns the names of the agents.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.agents.iter().map(|(agent, _)| agent.name.as_str())
    }

    /// Takes no more messages, and gives those that were taken up to `within` for their answers.
    /// Other hosts of the queue group get what is sent from now on. A message that is under way
    /// from the server in this moment has no answer: its sender does not know what became of it.
    pub async fn drain(mut self, within: Duration) -> Drained {
        let until = Instant::now() + within;
        self.leave();
        let mut left = 0;
        for (agent, listeners) in std::mem::take(&mut self.agents) {
            for listener in listeners {
                // A listener that panicked has reported it on standard error.
                let _ = timeout_at(until, listener).await;
            }
            left += agent.answered(until).await;
        }
        let _ = timeout_at(until, self.common.connections.flush()).await;
        Drained { left }
    }

    fn leave(&mut self) {
        self.leave.send_replace(true);
        for instance in self.instances.drain(..) {
            // It only tells its tasks, without waiting.
            let _ = instance.stop().now_or_never();
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.leave();
    }
}

fn refused_subscription(to: &str, error: &async_nats::Error) -> NatsError {
    NatsError::Subscribe(to.to_owned(), error.to_string())
}

/// Receives an agent's messages from one connection, until the service leaves.
async fn receive(
    agent: Arc<Agent>,
    connection: Client,
    mut endpoint: Endpoint,
    mut leave: watch::Receiver<bool>,
) {
    loop {
        tokio::select! {
            biased;
            message = endpoint.next() => match message {
                Some(message) => agent.take(message, &connection).await,
                None => return,
            },
            () = async { _ = leave.changed().await } => break,
        }
    }
    if endpoint.stop().await.is_ok() {
        // What has arrived before.
        while let Some(message) = endpoint.next().await {
            agent.take(message, &connection).await;
        }
    }
}

impl Agent {
    /// Has a message answered by a task of its own, or refuses it at once if too many wait: a slow
    /// agent must not fill the buffer of the connection, where messages would be lost unseen.
    async fn take(self: &Arc<Self>, message: service::Request, connection: &Client) {
        match self.places.clone().try_acquire_owned() {
            Ok(place) => {
                tokio::spawn(self.clone().answer(message, connection.clone(), place));
            }
            Err(_) => {
                let text = format!(
                    "{} messages wait for {:?}; send less, or later",
                    self.common.settings.concurrency, self.name
                );
                refuse(&message, Refused::new(code::TOO_MANY, text)).await;
            }
        }
    }

    async fn answer(
        self: Arc<Self>,
        message: service::Request,
        connection: Client,
        _place: OwnedSemaphorePermit,
    ) {
        let wants_reply = message.message.reply.is_some();
        let answered = match self.read(&message.message) {
            Ok(Read::FromAgent(peers, arrived)) => {
                // Replies are messages of their own; only why there is none is told here.
                peers.enter_by_name(&self.name, arrived).map(|()| None)
            }
            Ok(Read::FromClient(request)) if wants_reply => {
                let answered = self.common.host.ask(&self.name, request).await;
                answered.map(Some).map_err(wire::refused)
            }
            // Nobody waits for the reason; the host counts it.
            Ok(Read::FromClient(request)) => {
                let told = self.common.host.tell(&self.name, request).await;
                told.map(|()| None).map_err(wire::refused)
            }
            Err(refused) => Err(refused),
        };
        match answered {
            Ok(Some(replies)) => reply(&message, &connection, replies).await,
            Ok(None) => {}
            Err(refused) => refuse(&message, refused).await,
        }
    }

    fn read(&self, message: &async_nats::Message) -> Result<Read<'_>, Refused> {
        let (bytes, most) = (message.payload.len() as u64, self.common.settings.max_content);
        if bytes > most.as_u64() {
            let text = format!("the content has {}, and at most {most} are taken", ByteSize(bytes));
            return Err(Refused::new(code::TOO_LARGE, text));
        }
        let malformed = |error: Malformed| Refused::new(code::MALFORMED, error.to_string());
        let headers = message.headers.as_ref();
        if let Some(peers) = &self.common.peers
            && let Some(arrived) = between::arrived(headers, &message.payload).map_err(malformed)?
        {
            return Ok(Read::FromAgent(peers, arrived));
        }
        let asked = wire::asked(headers).map_err(malformed)?;
        let default = match message.reply {
            Some(_) => Performative::Request,
            None => Performative::Inform,
        };
        Ok(Read::FromClient(Request {
            performative: asked.performative.unwrap_or(default),
            conversation: asked.conversation,
            timeout: asked.timeout.unwrap_or(self.common.settings.timeout),
            content: message.payload.to_vec(),
        }))
    }

    /// Waits until no message waits for its answer; returns how many do at the end of the time.
    async fn answered(&self, until: Instant) -> usize {
        let all = self.common.settings.concurrency;
        let _ = timeout_at(until, self.places.acquire_many(all as u32)).await;
        all - self.places.available_permits()
    }
}

/// A message that was read, by who sent it.
enum Read<'a> {
    FromClient(Request),
    FromAgent(&'a Shared, Arrived),
}

/// Sends all replies, the last one as the micro service's response.
async fn reply(message: &service::Request, connection: &Client, replies: Vec<Message>) {
    let (Some(inbox), of) = (&message.message.reply, replies.len() as u32) else { return };
    let mut replies = replies.into_iter().zip(1..).peekable();
    let mut sent = Ok(());
    while let (Ok(()), Some((reply, number))) = (&sent, replies.next()) {
        let headers = wire::reply(reply.performative, reply.conversation, Place { number, of });
        let content = Bytes::from(reply.content);
        sent = match replies.peek() {
            Some(_) => connection.publish_with_headers(inbox.clone(), headers, content).await,
            None => message.respond_with_headers(Ok(content), headers).await,
        };
    }
    // Otherwise the connection has ended, and no answer would reach anybody.
    if sent.is_err_and(|error| error.kind() == PublishErrorKind::MaxPayloadExceeded) {
        let most = ByteSize(connection.max_payload() as u64);
        let text = format!("a reply is larger than the NATS server takes, {most}");
        refuse(message, Refused::new(code::FAULT, text)).await;
    }
}

/// Answers with the reason that there is no reply, if somebody waits for one.
async fn refuse(message: &service::Request, refused: Refused) {
    if message.message.reply.is_some() {
        let status = wire::line(&refused.text).to_string();
        let error = service::error::Error { status, code: refused.code.into() };
        // Fails only if the connection has ended.
        let _ = message.respond_with_headers(Err(error), wire::refusal(&refused)).await;
    }
}
