//! A client of agents on other hosts, by their names, that keeps accounts.

use super::NatsError;
use super::accounts::{Counts, End, RemoteAccounts};
use super::connections::Connections;
use super::settings::Settings;
use super::wire::{self, Refused, Replied, code};
use crate::Request;
use async_nats::client::{PublishError, PublishErrorKind};
use async_nats::{Client, Message, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt;
use sandlab_runtime::{Performative, span};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

/// Requests that may wait for their answers at one time; others wait before they are accepted.
const WINDOW: usize = 4_096;

/// Sends messages to agents of any host that NATS reaches. Clones share their accounts.
///
/// ```no_run
/// use sandlab_runtime::Performative;
/// use sandlab_serve::Request;
/// use sandlab_serve::nats::{Connections, Remote, Settings};
/// use std::time::Duration;
///
/// async fn greet() -> Result<(), Box<dyn std::error::Error>> {
///     let settings = Settings::default();
///     let remote = Remote::start(&Connections::open(&settings).await?, &settings).await?;
///     let request = Request {
///         performative: Performative::Request,
///         conversation: None,
///         timeout: Duration::from_secs(1),
///         content: b"hello".to_vec(),
///     };
///     let replies = remote.ask("echo", request).await?;
///     assert_eq!(replies[0].content, "hello");
///     assert_eq!(remote.accounts().answered, 1);
///     Ok(())
/// }
/// ```
#[derive(Clone)]
pub struct Remote(Arc<Inner>);

struct Inner {
    connections: Connections,
    settings: Settings,
    /// For each connection, the subject of answers, before a request's number.
    inboxes: Vec<String>,
    readers: Vec<JoinHandle<()>>,
    asked: Arc<Asked>,
    window: Semaphore,
    next: AtomicU64,
}

/// The requests that wait, which the readers of answers share.
#[derive(Default)]
struct Asked {
    counts: Counts,
    waiting: Mutex<HashMap<u64, Waiting>>,
}

struct Waiting {
    replies: Vec<Reply>,
    answer: oneshot::Sender<Result<Vec<Reply>, Refused>>,
}

/// A reply of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The kind of message.
    pub performative: Performative,
    /// The conversation that it belongs to. `None` if what answered is not sandlab.
    pub conversation: Option<u64>,
    /// The content.
    pub content: Bytes,
}

/// The reason that a request has no reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RemoteError {
    /// No subject can have the agent's name.
    #[error("no agent can be called {0:?} over NATS")]
    Name(String),
    /// The content is larger than the server takes.
    #[error("the content has {0} bytes, and the NATS server takes {1}")]
    TooLarge(usize, usize),
    /// It was never sent: there was no connection within the timeout.
    #[error("there was no connection to NATS within {}", span(*.0))]
    NotSent(Duration),
    /// It was never sent: the connection has ended for good.
    #[error("the connection to NATS has ended")]
    Closed,
    /// The host, or the NATS server, answered that there is no reply.
    #[error("{text} (code {code})")]
    Refused {
        /// The reason, with HTTP's numbers.
        code: u16,
        /// The reason's name, for programs. `None` if the code says it all.
        reason: Option<String>,
        /// The reason, for people.
        text: String,
    },
    /// No answer came in time. The message may have been handled, or not.
    #[error("no answer came within {}; it may have been handled", span(*.0))]
    TimedOut(Duration),
}

impl Remote {
    /// Starts a client.
    ///
    /// # Errors
    /// [`NatsError`] if a connection has ended.
    pub async fn start(connections: &Connections, settings: &Settings) -> Result<Self, NatsError> {
        let asked = Arc::new(Asked::default());
        let (mut inboxes, mut readers) = (Vec::new(), Vec::new());
        for client in connections.all() {
            let inbox = client.new_inbox();
            let answers = client.subscribe(format!("{inbox}.*")).await;
            let answers =
                answers.map_err(|error| NatsError::Subscribe(inbox.clone(), error.to_string()))?;
            inboxes.push(inbox);
            readers.push(tokio::spawn(read_answers(answers, asked.clone())));
        }
        connections.flush().await?;
        Ok(Self(Arc::new(Inner {
            connections: connections.clone(),
            settings: settings.clone(),
            inboxes,
            readers,
            asked,
            window: Semaphore::new(WINDOW),
            next: AtomicU64::new(1),
        })))
    }

    /// Sends a message to the agent with this name, on whichever host it is, and returns its
    /// replies.
    ///
    /// # Errors
    /// [`RemoteError`] with the reason if there is none.
    pub async fn ask(&self, agent: &str, request: Request) -> Result<Vec<Reply>, RemoteError> {
        self.ask_patiently(agent, request, Duration::ZERO).await
    }

    /// Sends a message as [`ask`](Self::ask) does, and waits this much longer than the host is told
    /// to take: then it is the host that says when the timeout has passed, and its accounts and
    /// these have the same ends.
    ///
    /// # Errors
    /// As [`ask`](Self::ask).
    pub async fn ask_patiently(
        &self,
        agent: &str,
        request: Request,
        patience: Duration,
    ) -> Result<Vec<Reply>, RemoteError> {
        let inner = &*self.0;
        let subject = inner.subject(agent)?;
        // The semaphore is never closed.
        let _place = inner.window.acquire().await;
        let longest = request.timeout + patience;
        let until = Instant::now() + longest;
        let connection = inner.connections.pick(agent);
        let (token, answer) = inner.expect();
        let mut accepted = inner.asked.counts.accept();
        let answered = async {
            let inbox = format!("{}.{}", inner.inboxes[connection], token.number);
            let headers = wire::ask(&request);
            let content = Bytes::from(request.content);
            let client = &inner.connections.all()[connection];
            let bytes = content.len();
            let send = client.publish_with_reply_and_headers(subject, inbox, headers, content);
            match timeout_at(until, send).await {
                Ok(sent) => sent.map_err(|error| not_sent(&error, bytes, client))?,
                Err(_) => return Err(RemoteError::NotSent(longest)),
            }
            match timeout_at(until, answer).await {
                Ok(Ok(Ok(replies))) => Ok(replies),
                Ok(Ok(Err(refused))) => Err(refused.into()),
                Ok(Err(_)) | Err(_) => Err(RemoteError::TimedOut(longest)),
            }
        };
        let answered = answered.await;
        accepted.end = match &answered {
            Ok(_) => End::Answered,
            Err(error) if error.is_unknown() => End::Unknown,
            Err(_) => End::Failed,
        };
        answered
    }

    /// Sends a message to the agent with this name without waiting for a reply, and returns when
    /// it is on its way: nobody tells whether it arrived.
    ///
    /// # Errors
    /// [`RemoteError`] with the reason if it was not sent.
    pub async fn tell(&self, agent: &str, request: Request) -> Result<(), RemoteError> {
        let inner = &*self.0;
        let subject = inner.subject(agent)?;
        let client = &inner.connections.all()[inner.connections.pick(agent)];
        let (headers, bytes) = (wire::ask(&request), request.content.len());
        let send = client.publish_with_headers(subject, headers, request.content.into());
        let sent = tokio::time::timeout(request.timeout, send).await;
        let sent = sent.map_err(|_| RemoteError::NotSent(request.timeout))?;
        sent.map_err(|error| not_sent(&error, bytes, client))?;
        inner.asked.counts.told.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Returns the accounts so far; exact while nothing is in flight.
    pub fn accounts(&self) -> RemoteAccounts {
        self.0.asked.counts.accounts()
    }
}

impl Inner {
    fn subject(&self, agent: &str) -> Result<String, RemoteError> {
        self.settings.subject(agent).ok_or_else(|| RemoteError::Name(agent.to_owned()))
    }

    /// Returns a number for a request, and where its answer arrives for as long as the number is
    /// kept.
    fn expect(&self) -> (Token<'_>, oneshot::Receiver<Result<Vec<Reply>, Refused>>) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        self.asked.lock().insert(number, Waiting { replies: Vec::new(), answer });
        (Token { asked: &self.asked, number }, answered)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.readers.iter().for_each(JoinHandle::abort);
    }
}

impl RemoteError {
    /// Returns whether the message may have been handled.
    pub fn is_unknown(&self) -> bool {
        match self {
            Self::TimedOut(_) => true,
            Self::Refused { code, .. } => *code == code::TIMED_OUT,
            Self::Name(_) | Self::TooLarge(..) | Self::NotSent(_) | Self::Closed => false,
        }
    }
}

impl From<Refused> for RemoteError {
    fn from(Refused { code, reason, text }: Refused) -> Self {
        Self::Refused { code, reason, text }
    }
}

fn not_sent(error: &PublishError, bytes: usize, client: &Client) -> RemoteError {
    match error.kind() {
        PublishErrorKind::MaxPayloadExceeded => RemoteError::TooLarge(bytes, client.max_payload()),
        PublishErrorKind::InvalidSubject | PublishErrorKind::Send => RemoteError::Closed,
    }
}

/// The number of a request; when it is dropped, its answer is no longer expected.
struct Token<'a> {
    asked: &'a Asked,
    number: u64,
}

impl Drop for Token<'_> {
    fn drop(&mut self) {
        self.asked.lock().remove(&self.number);
    }
}

/// Passes answers to the requests that wait for them.
async fn read_answers(mut answers: Subscriber, asked: Arc<Asked>) {
    while let Some(message) = answers.next().await {
        asked.answer(message);
    }
}

impl Asked {
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, message: Message) {
        let number = message.subject.rsplit('.').next().and_then(|number| number.parse().ok());
        let read = wire::replied(message.status, message.headers.as_ref());
        let mut waiting = self.lock();
        let Some(number) = number.filter(|number| waiting.contains_key(number)) else {
            self.counts.late.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let ended = match read {
            Ok(Ok(Replied { performative, conversation, place })) => {
                let Some(one) = waiting.get_mut(&number) else { return };
                if place.number > 0 {
                    let content = message.payload;
                    one.replies.push(Reply { performative, conversation, content });
                }
                if !place.is_last() {
                    return;
                }
                let is_complete = one.replies.len() == place.of as usize;
                is_complete.then_some(()).ok_or_else(|| {
                    let lost = format!("{} of {} replies were lost", one.replies.len(), place.of);
                    Refused::new(code::FAULT, lost)
                })
            }
            Ok(Err(refused)) => Err(refused),
            Err(malformed) => Err(Refused::new(code::FAULT, malformed.to_string())),
        };
        if let Some(one) = waiting.remove(&number) {
            // The request may have timed out in this moment.
            let _ = one.answer.send(ended.map(|()| one.replies));
        }
    }
}
