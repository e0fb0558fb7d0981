//! Agents that are deployed: another host serves them over HTTP, and the lab is their client.
//!
//! Each instance is one connection that is kept. What became of every message is counted here and,
//! by the host's `/metrics`, there: the accounts of both have to agree to the message.

mod accounts;
mod target;

pub use accounts::{Accounts, Ends};
pub use target::Target;

use crate::sampling::exchange::{Blocking, Exchange, Link, Waiting};
use crate::{Error, Result};
use accounts::{End, Tally};
use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use sandlab_runtime::{
    Agent, Backend, BackendKind, CallError, Cause, Failure, Fault, Handled, Identity, Message,
    Started,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::timeout;

/// The longest wait for a response after the host should have given up: what comes later is lost.
const GRACE: Duration = Duration::from_secs(5);

/// One agent on one or several hosts that serve it.
pub struct Deployed {
    targets: Vec<Arc<Counted>>,
    next: AtomicUsize,
}

struct Counted {
    target: Target,
    deadline: Duration,
    tally: Tally,
}

impl Deployed {
    /// Returns what is deployed at these targets. No message may take longer than the deadline.
    pub fn new(targets: Vec<Target>, deadline: Duration) -> Self {
        let counted = |target| Counted { target, deadline, tally: Tally::default() };
        let targets = targets.into_iter().map(|target| Arc::new(counted(target))).collect();
        Self { targets, next: AtomicUsize::new(0) }
    }

    /// Returns the accounts of each target so far: this side's, and the host's own.
    ///
    /// # Errors
    /// If a host cannot be reached, or serves no such agent.
    pub fn accounts(&self) -> Result<Vec<Accounts>> {
        self.targets.iter().map(|counted| counted.accounts()).collect()
    }

    /// Checks what was sent since `before`, when nothing is on its way, and returns a sentence on
    /// each target: both sides' figures.
    ///
    /// # Errors
    /// [`Error::Path`] if a message was lost, or the two sides do not agree.
    pub fn settle(&self, before: &[Accounts]) -> Result<Vec<String>> {
        let after = self.accounts()?;
        let each = self.targets.iter().zip(before.iter().zip(&after));
        each.map(|(counted, (before, after))| {
            let since = after.since(before);
            let at = &counted.target;
            since.check().map_err(|why| Error::Path(format!("{at}: {why}")))?;
            Ok(format!("{at}: {since}"))
        })
        .collect()
    }

    /// Returns the next connection, of each target in turn.
    fn connection(&self) -> Connection {
        let next = self.next.fetch_add(1, Ordering::Relaxed) % self.targets.len();
        let to = self.targets[next].clone();
        Connection { link: Link::to(&to.target.address), to }
    }
}

impl Counted {
    fn accounts(&self) -> Result<Accounts> {
        let metrics = self.target.metrics()?;
        Accounts::read(self.tally.ends(), &metrics, &self.target.agent)
            .ok_or_else(|| self.target.wrong("its /metrics count no messages of this agent"))
    }
}

impl Backend for Deployed {
    fn kind(&self) -> BackendKind {
        BackendKind::Deployed
    }

    fn spawn(&self, _identity: Identity) -> Result<Box<dyn Agent>, Fault> {
        Ok(Box::new(Blocking::open(self.connection())?))
    }

    fn start(&self, _identity: Identity) -> Result<Started, Fault> {
        // It is opened by the first call, where the thread's runtime drives it.
        Ok(Started::Async(Box::new(Waiting(self.connection()))))
    }
}

/// A connection to one target.
struct Connection {
    to: Arc<Counted>,
    link: Link,
}

impl Exchange for Connection {
    async fn open(&mut self) -> Result<(), Fault> {
        let lost = |why| Cause::Host(format!("{}: {why}", self.to.target));
        self.link.open().await.map(drop).map_err(|why| lost(why).into())
    }

    async fn exchange(&mut self, message: &Message) -> Result<Handled, CallError> {
        let Counted { target, deadline, tally } = &*self.to;
        let request = request(target, *deadline, message).map_err(|why| failure(&why))?;
        tally.sent();
        // The host is told the deadline too, and says itself that it has passed.
        let answered = timeout(*deadline + GRACE, self.link.exchange(request)).await;
        let response = match answered {
            Ok(Ok(response)) => response,
            Ok(Err(why)) => {
                tally.end(End::Lost);
                return Err(failure(&format!("no response: {why}")));
            }
            Err(_) => {
                // A response that comes after all must not be the next one's.
                self.link = Link::to(&target.address);
                tally.end(End::Lost);
                return Err(failure("no response, long after the deadline"));
            }
        };
        let reason = reason(&response);
        tally.end(End::of(response.status(), &reason));
        if response.status() != StatusCode::OK {
            return Err(failure(&format!("{}: {reason}", response.status())));
        }
        Ok(Handled { replies: vec![reply(message, response)], sent: Vec::new() })
    }
}

/// A failure, and not a fault, which would end the connection and not the agent behind it.
fn failure(why: &str) -> CallError {
    CallError::Failure(Failure::Unavailable(why.to_owned()))
}

fn request(
    target: &Target,
    deadline: Duration,
    message: &Message,
) -> Result<Request<Full<Bytes>>, String> {
    let request = Request::post(&target.path)
        .header(HOST, &target.address)
        .header("sandlab-performative", message.performative.name())
        .header("sandlab-timeout", format!("{}ms", deadline.as_millis().max(1)));
    let request = match &target.token {
        Some(token) => request.header(AUTHORIZATION, HeaderValue::clone(token)),
        None => request,
    };
    let body = Full::new(Bytes::copy_from_slice(&message.content));
    request.body(body).map_err(|error| error.to_string())
}

/// Returns the reason that a problem's document has for programs; nothing of a reply.
fn reason(response: &Response<Bytes>) -> String {
    #[derive(serde::Deserialize)]
    struct Problem {
        reason: String,
    }
    let problem = (response.status() != StatusCode::OK)
        .then(|| serde_json::from_slice::<Problem>(response.body()).ok());
    problem.flatten().map(|problem| problem.reason).unwrap_or_default()
}

fn reply(to: &Message, response: Response<Bytes>) -> Message {
    Message {
        id: to.id,
        conversation: to.conversation,
        in_reply_to: Some(to.id),
        sender: to.recipient,
        recipient: to.sender,
        performative: sandlab_runtime::Performative::Inform,
        content: response.into_body().into(),
    }
}
