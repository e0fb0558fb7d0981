//! A native HTTP server, each instance a connection that is kept.

use crate::{Error, Result};
use bytes::Bytes;
use http::Uri;
use http::header::HOST;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use sandlab_runtime::child::Child;
use sandlab_runtime::subject::{HttpRequest, HttpResponse};
use sandlab_runtime::{
    Agent, AsyncAgent, Backend, BackendKind, Batch, Call, CallError, Called, Cause, Failure, Fault,
    Handled, Identity, Message, SandboxConfig, Started,
};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};

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
        let address = format!("{}:{}", authority.host(), authority.port_u16().unwrap_or(80));
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
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Cause::Host(format!("a runtime: {error}")))?;
        let mut connection = Connection { target: self.0.clone(), sender: None };
        runtime.block_on(connection.open())?;
        Ok(Box::new(Blocking { connection, runtime }))
    }

    fn start(&self, _identity: Identity) -> Result<Started, Fault> {
        // It is opened by the first call, where the thread's runtime drives it.
        let connection = Connection { target: self.0.clone(), sender: None };
        Ok(Started::Async(Box::new(connection)))
    }
}

/// A connection that is kept from message to message.
struct Connection {
    target: Arc<Target>,
    sender: Option<SendRequest<Full<Bytes>>>,
}

/// A connection with the runtime that drives it.
struct Blocking {
    connection: Connection,
    runtime: Runtime,
}

impl Connection {
    async fn open(&mut self) -> Result<&mut SendRequest<Full<Bytes>>, Fault> {
        let lost = |error: &dyn std::fmt::Display| {
            Fault::from(Cause::Host(format!("the native server: {error}")))
        };
        if self.sender.as_ref().is_none_or(SendRequest::is_closed) {
            let stream = TcpStream::connect(&self.target.address).await;
            let stream = stream.map_err(|error| lost(&error))?;
            stream.set_nodelay(true).map_err(|error| lost(&error))?;
            let made = handshake(TokioIo::new(stream)).await.map_err(|error| lost(&error))?;
            let (sender, driver) = made;
            // A broken connection is told to whoever sends.
            tokio::spawn(async move { drop(driver.await) });
            self.sender = Some(sender);
        }
        self.sender.as_mut().ok_or_else(|| Cause::Ended.into())
    }

    async fn exchange(&mut self, message: &Message) -> Result<Handled, CallError> {
        let deadline = self.target.deadline;
        let answered = tokio::time::timeout(deadline, self.ask(message)).await;
        answered.unwrap_or_else(|_| Err(Cause::Deadline(deadline).into()))
    }

    async fn ask(&mut self, message: &Message) -> Result<Handled, CallError> {
        let misread = |reason: String| CallError::Failure(Failure::NotUnderstood(reason));
        let lost = |error: hyper::Error| {
            CallError::from(Cause::Host(format!("the native server: {error}")))
        };
        let request: HttpRequest =
            serde_json::from_slice(&message.content).map_err(|error| misread(error.to_string()))?;
        let has_host = request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host"));
        let request = request.into_http().map_err(misread)?;
        let mut request = request.map(Full::new);
        if !has_host && let Ok(host) = self.target.host.parse() {
            request.headers_mut().insert(HOST, host);
        }
        let sender = self.open().await?;
        sender.ready().await.map_err(lost)?;
        let (head, body) = sender.send_request(request).await.map_err(lost)?.into_parts();
        let body = body.collect().await.map_err(lost)?.to_bytes();
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

impl Agent for Blocking {
    fn configure(&mut self, _config: &[u8]) -> Result<Vec<Message>, CallError> {
        Err(Cause::Unsupported("configure".to_owned()).into())
    }

    fn handle(&mut self, message: &Message) -> Result<Handled, CallError> {
        self.runtime.block_on(self.connection.exchange(message))
    }
}

impl Agent for Connection {
    fn configure(&mut self, _config: &[u8]) -> Result<Vec<Message>, CallError> {
        Err(Cause::Unsupported("configure".to_owned()).into())
    }

    fn handle(&mut self, _message: &Message) -> Result<Handled, CallError> {
        Err(Cause::Unsupported("handle without waiting".to_owned()).into())
    }
}

impl AsyncAgent for Connection {
    fn call(mut self: Box<Self>, message: Message) -> Call {
        Box::pin(async move {
            let outcome = self.exchange(&message).await;
            Called { agent: self as Box<dyn AsyncAgent>, outcome }
        })
    }

    fn call_batch(self: Box<Self>, _messages: Vec<Message>) -> Call<Batch> {
        let outcome = Err(Cause::Unsupported("batch".to_owned()).into());
        Box::pin(async { Called { agent: self as Box<dyn AsyncAgent>, outcome } })
    }

    fn call_parcel(self: Box<Self>, _message: Message) -> Call {
        let outcome = Err(Cause::Unsupported("parcels".to_owned()).into());
        Box::pin(async { Called { agent: self as Box<dyn AsyncAgent>, outcome } })
    }
}
