//! A host's agents as a NATS micro service, which answers `$SRV.PING`, `$SRV.INFO` and
//! `$SRV.STATS`: one endpoint per agent.

use super::NatsError;
use super::between::{self, Arrived};
use super::connections::Connections;
use super::peers::{Peers, Shared};
use super::settings::Settings;
use super::spans;
use super::wire::{self, Malformed, Place, Refused, code};
use crate::host::Outcome;
use crate::otlp::Span;
use crate::{Host, Request};
use async_nats::Client;
use async_nats::client::PublishErrorKind;
use async_nats::service::endpoint::Endpoint;
use async_nats::service::{self, ServiceExt};
use bytes::Bytes;
use bytesize::ByteSize;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use sandlab_runtime::{Message, Performative};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

/// The name of the micro service.
const NAME: &str = "sandlab";

/// Answers for a host's agents until it is drained, or dropped. Agents can be added; to remove
/// some, start another service and then drain this one; until then both answer.
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

/// State that the subscriptions of all agents share.
struct Common {
    host: Host,
    connections: Connections,
    settings: Settings,
    /// The entrance of messages from agents of other hosts; `None` without peers.
    peers: Option<Arc<Shared>>,
}

/// State that the messages of one agent share.
struct Agent {
    common: Arc<Common>,
    name: String,
    /// Messages that wait for their reply.
    waiting: AtomicUsize,
}

impl Service {
    /// Starts to answer for these agents of a host; with `peers` for agents of other hosts too.
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
        let waiting = AtomicUsize::new(0);
        let agent = Arc::new(Agent { common: self.common.clone(), name, waiting });
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

    /// Takes no more messages, and waits up to `within` for answers to those that were taken. Other
    /// hosts of the queue group get messages from now on. A message in flight from the server at
    /// this moment has no answer: its sender does not know its outcome.
    pub async fn drain(mut self, within: Duration) -> Drained {
        let until = Instant::now() + within;
        self.leave();
        let mut left = 0;
        for (agent, listeners) in std::mem::take(&mut self.agents) {
            for listener in listeners {
                // A listener that panicked has reported it on standard error.
                let _ = timeout_at(until, listener).await;
            }
            left += agent.waiting.load(Ordering::Relaxed);
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

/// Receives an agent's messages from one connection, until the service leaves, and then finishes
/// its answers. All in one task: waking another for every message would cost more than it gains.
async fn receive(
    agent: Arc<Agent>,
    connection: Client,
    mut endpoint: Endpoint,
    mut leave: watch::Receiver<bool>,
) {
    let mut answering = FuturesUnordered::new();
    let mut leaves = false;
    loop {
        let message = tokio::select! {
            message = endpoint.next() => message,
            Some(()) = answering.next() => continue,
            () = async { _ = leave.changed().await }, if !leaves => {
                leaves = true;
                match endpoint.stop().await {
                    // It goes on with what has arrived before.
                    Ok(()) => continue,
                    Err(_) => break,
                }
            }
        };
        let Some(message) = message else { break };
        if let Some(asked) = agent.take(message).await {
            answering.push(agent.answer(asked, &connection));
        }
    }
    while answering.next().await.is_some() {}
}

/// A message for the agent, whose sender waits for the reply.
struct Asked {
    message: service::Request,
    request: Request,
    /// `None` if it gets no span.
    span: Option<Span>,
}

impl Agent {
    /// Takes a message; returns it if it is to be answered. One that cannot be answered is refused
    /// at once: otherwise a slow agent could fill the buffer of the connection, where messages are
    /// lost without a trace.
    async fn take(&self, message: service::Request) -> Option<Asked> {
        let wants_reply = message.message.reply.is_some();
        let read = self.read(&message.message);
        let headers = message.message.headers.as_ref();
        let span = spans::begin(&self.common.host, &self.name, headers, &read);
        let refused = match read {
            Ok(Read::FromClient(request)) if wants_reply => {
                let most = self.common.settings.concurrency;
                if self.waiting.fetch_add(1, Ordering::Relaxed) < most {
                    return Some(Asked { message, request, span });
                }
                self.waiting.fetch_sub(1, Ordering::Relaxed);
                let text = format!("{most} messages wait for {:?}; send less, or later", self.name);
                Refused::new(code::TOO_MANY, text).named("overloaded")
            }
            Ok(Read::FromClient(request)) => {
                // Nobody waits for the reason; the host counts it.
                spans::told(span, self.common.host.tell(&self.name, request).await);
                return None;
            }
            // Replies are messages of their own; only why there is none is told here.
            Ok(Read::FromAgent(peers, arrived)) => {
                peers.enter_by_name(&self.name, arrived).err()?
            }
            Err(refused) => refused,
        };
        spans::end(span, Err((None, &refused)));
        refuse(&message, refused).await;
        None
    }

    async fn answer(&self, asked: Asked, connection: &Client) {
        let Asked { message, request, span } = asked;
        // Counted as a failure, which it is to the sender.
        let most = connection.max_payload().saturating_sub(wire::MOST_HEADERS);
        match self.common.host.ask_over(most, &self.name, request).await {
            Ok(replies) => {
                spans::end(span, Ok(Outcome::Answered));
                reply(&message, connection, replies).await;
            }
            Err(error) => refuse(&message, spans::unanswered(span, error)).await,
        }
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }

    fn read(&self, message: &async_nats::Message) -> Result<Read<'_>, Refused> {
        let (bytes, most) = (message.payload.len() as u64, self.common.settings.max_content);
        if bytes > most.as_u64() {
            let text = format!("the content has {}, and at most {most} are taken", ByteSize(bytes));
            return Err(Refused::new(code::TOO_LARGE, text).named("too-large"));
        }
        let malformed =
            |error: Malformed| Refused::new(code::MALFORMED, error.to_string()).named("bad-header");
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
}

/// A message that was read, by who sent it.
pub enum Read<'a> {
    FromClient(Request),
    FromAgent(&'a Shared, Arrived),
}

/// Sends all replies, the last one as the micro service's response.
async fn reply(message: &service::Request, connection: &Client, replies: Vec<Message>) {
    let (Some(inbox), of) = (&message.message.reply, replies.len() as u32) else { return };
    let is_plain = message.message.headers.is_none();
    let mut replies = replies.into_iter().zip(1..).peekable();
    let mut sent = Ok(());
    while let (Ok(()), Some((reply, number))) = (&sent, replies.next()) {
        let place = Place { number, of };
        let headers = wire::reply(reply.performative, reply.conversation, place, is_plain);
        let content = Bytes::from(reply.content);
        sent = match replies.peek() {
            Some(_) => connection.publish_with_headers(inbox.clone(), headers, content).await,
            None => message.respond_with_headers(Ok(content), headers).await,
        };
    }
    // If the connection is now to a server that takes less; if it has ended, no answer reaches anybody.
    if sent.is_err_and(|error| error.kind() == PublishErrorKind::MaxPayloadExceeded) {
        let most = ByteSize(connection.max_payload() as u64);
        let text = format!("a reply is larger than the NATS server takes, {most}");
        refuse(message, Refused::new(code::FAULT, text)).await;
    }
}

/// Answers with the reason why there is no reply, if the sender waits for one.
async fn refuse(message: &service::Request, refused: Refused) {
    if message.message.reply.is_some() {
        let status = wire::line(&refused.text).to_string();
        let error = service::error::Error { status, code: refused.code.into() };
        // Fails only if the connection has ended.
        let _ = message.respond_with_headers(Err(error), wire::refusal(&refused)).await;
    }
}
