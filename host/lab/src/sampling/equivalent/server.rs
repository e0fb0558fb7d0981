//! A native HTTP server, each instance a connection that is kept.

use crate::sampling::exchange::{Blocking, Exchange, Link, Waiting, address};
use crate::{Error, Result};
use http::Uri;
use http::header::HOST;
use http_body_util::Full;
use sandlab_runtime::child::Child;
use sandlab_runtime::subject::{HttpRequest, HttpResponse};
use sandlab_runtime::{
    Agent, Backend, BackendKind, CallError, Cause, Failure, Fault, Handled, Identity, Message,
    SandboxConfig, Started,
};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// The longest time that a server which was started takes until it answers.
const START: Duration = Duration::from_secs(30);

/// A server, and the process that it runs in if sandlab started it.
pub struct Server(Arc<Target>);

struct Target {
    address: String,
    host: String,
    deadline: Duration,
    /// Ends with the last instance.
    _process: Option<Mutex<Child>>,
}

impl Server {
    /// Starts a server if there is a command for it, and makes sure that it can be reached.
    ///
    /// # Errors
    /// If the URL is none of a server, or nothing answers there.
    pub fn connect(url: &str, start: Option<&str>, config: &SandboxConfig) -> Result<Self> {
        let wrong = |why: String| Error::Usage(format!("the native server {url}: {why}"));
        let uri: Uri = url.parse().map_err(|error| wrong(format!("{error}")))?;
        let authority = uri.authority().ok_or_else(|| wrong("it has no host".to_owned()))?;
        if !matches!(uri.path(), "" | "/") {
            return Err(wrong("leave the path out; each message has its own".to_owned()));
        }
        let address = address(authority, 80).map_err(wrong)?;
        let reach = || std::net::TcpStream::connect(&address).map(drop);
        let mut process = None;
        if let Some(command) = start {
            if reach().is_ok() {
                return Err(wrong(
                    "something answers there before the server is started; end it, or leave \
                     `--native-start` out"
                        .to_owned(),
                ));
            }
            let child = Child::start(Command::new("sh").args(["-c", command]));
            let mut child = child.map_err(|error| wrong(format!("sh: {error}")))?;
            let due = Instant::now() + START;
            while reach().is_err() {
                if child.has_ended() {
                    let ended = child.finish(Duration::from_secs(1), &|| false);
                    return Err(wrong(format!("{command:?} ended: {ended}")));
                }
                if Instant::now() > due {
                    return Err(wrong(format!(
                        "nothing listened {} s after {command:?} was started",
                        START.as_secs()
                    )));
                }
                thread::sleep(Duration::from_millis(20));
            }
            process = Some(child);
        } else {
            reach().map_err(|error| {
                wrong(format!("{error}; start it, or let `--native-start COMMAND` do it"))
            })?;
        }
        Ok(Self(Arc::new(Target {
            address,
            host: authority.as_str().to_owned(),
            deadline: config.deadline,
            _process: process.map(Mutex::new),
        })))
    }
}

impl Backend for Server {
    fn kind(&self) -> BackendKind {
        BackendKind::Native
    }

    fn spawn(&self, _identity: Identity) -> Result<Box<dyn Agent>, Fault> {
        Ok(Box::new(Blocking::open(self.connection())?))
    }

    fn start(&self, _identity: Identity) -> Result<Started, Fault> {
        // It is opened by the first call, where the thread's runtime drives it.
        Ok(Started::Async(Box::new(Waiting(self.connection()))))
    }
}

impl Server {
    fn connection(&self) -> Connection {
        Connection { link: Link::to(&self.0.address), target: self.0.clone() }
    }
}

/// A connection that is kept from message to message.
struct Connection {
    target: Arc<Target>,
    link: Link,
}

fn lost(error: impl std::fmt::Display) -> Fault {
    Cause::Host(format!("the native server: {error}")).into()
}

impl Exchange for Connection {
    async fn open(&mut self) -> Result<(), Fault> {
        self.link.open().await.map(drop).map_err(lost)
    }

    async fn exchange(&mut self, message: &Message) -> Result<Handled, CallError> {
        let deadline = self.target.deadline;
        let answered = tokio::time::timeout(deadline, self.ask(message)).await;
        answered.unwrap_or_else(|_| Err(Cause::Deadline(deadline).into()))
    }
}

impl Connection {
    async fn ask(&mut self, message: &Message) -> Result<Handled, CallError> {
        let misread = |reason: String| CallError::Failure(Failure::NotUnderstood(reason));
        let request: HttpRequest =
            serde_json::from_slice(&message.content).map_err(|error| misread(error.to_string()))?;
        let has_host = request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host"));
        let request = request.into_http().map_err(misread)?;
        let mut request = request.map(Full::new);
        if !has_host && let Ok(host) = self.target.host.parse() {
            request.headers_mut().insert(HOST, host);
        }
        let (head, body) = self.link.exchange(request).await.map_err(lost)?.into_parts();
        let headers = head.headers.iter().map(|(name, value)| {
            (name.as_str().to_owned().into(), String::from_utf8_lossy(value.as_bytes()))
        });
        let response = HttpResponse {
            status: head.status.as_u16(),
            headers: headers.collect(),
            body: Vec::from(body).into(),
        };
        Ok(super::reply(message, serde_json::to_vec(&response)))
    }
}
