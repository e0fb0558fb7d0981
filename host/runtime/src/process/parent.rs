//! The parent's side: a child for each agent.

use super::child::CHILD_VARIABLE;
use super::frame::{self, Answer, Outcome, Request, Start, VERSION, Wire};
use crate::child::{self, Killer, this_program};
use crate::{
    Agent, AsyncAgent, Backend, BackendKind, Batch, Call, CallError, Called, Cause, Fault, Handled,
    Identity, Interface, LoadError, LogLine, Message, NotOffered, SandboxConfig, Started, Usage,
    why_not_started,
};
use serde_bytes::Bytes;
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Set if this program's `main` knows how to serve. Otherwise a child would run `main`.
static ALLOWED: AtomicBool = AtomicBool::new(false);

pub(super) fn allow() {
    ALLOWED.store(true, Ordering::Relaxed);
}

/// The most bytes that postcard and the lengths add to the content of a result.
const FRAME_ROOM: u64 = 1 << 20;

/// The longest time that a child which has closed its socket may take to end by itself.
const TO_END: Duration = Duration::from_secs(5);

/// Starts a child process for every agent.
pub struct Children {
    twin: PathBuf,
    config: SandboxConfig,
    /// The interfaces that the twin exports besides `agent`, as the first child said.
    offers: Vec<Interface>,
}

impl Children {
    /// Makes sure that children can be started for this twin, by starting one.
    ///
    /// # Errors
    /// [`LoadError::Child`] with what the child said, or if [`super::serve_if_child`]
    /// was not called first.
    pub fn of(twin: &Path, config: &SandboxConfig) -> Result<Self, LoadError> {
        let child = |reason: String| LoadError::Child { path: twin.to_owned(), reason };
        if !ALLOWED.load(Ordering::Relaxed) {
            let reason = "this program does not call `process::serve_if_child` first in `main`";
            return Err(child(reason.to_owned()));
        }
        let path = twin.canonicalize();
        let mut children = Self {
            twin: path.map_err(|source| LoadError::Unreadable { path: twin.to_owned(), source })?,
            config: config.clone(),
            offers: Vec::new(),
        };
        let (_, offers) =
            children.child(Identity::alone()).map_err(|fault| child(fault.to_string()))?;
        children.offers = offers;
        Ok(children)
    }
}

impl Backend for Children {
    fn kind(&self) -> BackendKind {
        BackendKind::Process
    }

    fn offers(&self, interface: Interface) -> Result<(), NotOffered> {
        match interface {
            Interface::Parcels => Err(NotOffered::NotAvailable {
                interface,
                backend: BackendKind::Process,
                why: "a message goes to a child through a socket, which copies its content",
            }),
            interface if self.offers.contains(&interface) => Ok(()),
            interface => Err(NotOffered::NotExported(interface)),
        }
    }

    fn spawn(&self, identity: Identity) -> Result<Box<dyn Agent>, Fault> {
        Ok(Box::new(self.child(identity)?.0))
    }

    fn starts_slowly(&self) -> bool {
        true
    }

    fn start(&self, identity: Identity) -> Result<Started, Fault> {
        Ok(Started::Async(Box::new(self.child(identity)?.0)))
    }
}

impl Children {
    /// Starts a child; returns it with the interfaces that its twin exports besides `agent`.
    fn child(&self, identity: Identity) -> Result<(Child, Vec<Interface>), Fault> {
        let mut child = Child::start(&self.config).map_err(|error| {
            Cause::Host(format!("cannot start a child process: {}", why_not_started(&error)))
        })?;
        let start = Start {
            version: VERSION,
            twin: self.twin.clone(),
            config: self.config.clone(),
            id: identity.id,
            peers: identity.directory.snapshot(),
        };
        match child.ask(&Request::Start(Box::new(start))) {
            Ok(Outcome::Started(offers)) => Ok((child, offers)),
            Ok(other) => Err(unexpected(&other)),
            Err(CallError::Fault(fault)) => Err(fault),
            Err(CallError::Failure(failure)) => Err(Cause::Host(failure.to_string()).into()),
        }
    }
}

/// One child, which ends when this is dropped.
struct Child {
    process: child::Child,
    socket: UnixStream,
    config: SandboxConfig,
    log: Vec<LogLine>,
    log_dropped: u64,
    ended: bool,
    written: Vec<u8>,
    received: Vec<u8>,
}

impl Child {
    fn start(config: &SandboxConfig) -> io::Result<Self> {
        let (socket, theirs) = UnixStream::pair()?;
        // A socket takes no timeout of zero.
        let timeout = Some(config.deadline.max(Duration::from_millis(1)));
        socket.set_read_timeout(timeout)?;
        socket.set_write_timeout(timeout)?;
        let process = child::Child::start(
            this_program()
                .env_clear()
                .envs(&config.grants.env)
                .env(CHILD_VARIABLE, "1")
                .stdin(Stdio::from(OwnedFd::from(theirs)))
                .stdout(Stdio::null()),
        )?;
        Ok(Self {
            process,
            socket,
            config: config.clone(),
            log: Vec::new(),
            log_dropped: 0,
            ended: false,
            written: Vec::new(),
            received: Vec::new(),
        })
    }

    /// Sends a request and waits for its answer, for as long as the deadline allows.
    fn ask(&mut self, request: &Request) -> Result<Outcome, CallError> {
        if self.ended {
            return Err(Cause::Ended.into());
        }
        let limit = self.config.result_limit.as_u64() + FRAME_ROOM;
        let answer = frame::write(&mut self.socket, request, &mut self.written)
            .and_then(|()| frame::read::<Answer>(&mut self.socket, limit, &mut self.received));
        let answer = answer.map_err(|error| self.end(&error))?;
        self.log = answer.log;
        self.log_dropped = answer.log_dropped;
        match answer.outcome {
            Outcome::Failure(failure) => Err(CallError::Failure(failure)),
            Outcome::Fault(fault) => {
                self.ended = !matches!(fault.cause, Cause::Unsupported(_));
                Err(fault.into())
            }
            outcome => Ok(outcome),
        }
    }

    /// Ends the child after a broken conversation, and says why it broke.
    fn end(&mut self, error: &io::Error) -> Fault {
        self.ended = true;
        let over_time = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
        let is_gone = matches!(
            error.kind(),
            ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe | ErrorKind::ConnectionReset
        );
        if over_time {
            let deadline = self.config.deadline;
            self.process.end(child::Cause::Deadline(deadline));
            return Cause::Deadline(deadline).into();
        }
        let ended = if is_gone {
            self.process.finish(TO_END, &|| false)
        } else {
            self.process.end(child::Cause::Stopped)
        };
        Cause::ProcessEnded(if ended.stderr.is_empty() {
            format!("{ended}: {error}")
        } else {
            ended.to_string()
        })
        .into()
    }
}

fn messages(owned: Vec<frame::Owned>) -> Vec<Message> {
    owned.into_iter().map(Message::from).collect()
}

fn unexpected(outcome: &Outcome) -> Fault {
    let name = match outcome {
        Outcome::Started(_) => "started",
        Outcome::Done => "done",
        Outcome::Handled { .. } => "handled",
        Outcome::Batch { .. } => "batch",
        Outcome::State(_) => "state",
        Outcome::Failure(_) => "failure",
        Outcome::Fault(fault) => return fault.clone(),
    };
    Cause::Host(format!("the child gave the answer `{name}` to another question")).into()
}

impl Child {
    /// Asks the child on a thread of tokio's pool, which waits for it.
    fn elsewhere<R: Send + 'static>(
        mut self: Box<Self>,
        ask: impl FnOnce(&mut Self) -> Result<R, CallError> + Send + 'static,
    ) -> Call<R> {
        let given_up = GivenUp(Some(self.process.killer()));
        let asked = tokio::task::spawn_blocking(move || {
            let outcome = ask(&mut self);
            Called { agent: self as Box<dyn AsyncAgent>, outcome }
        });
        Box::pin(async move {
            // Neither does the call panic, nor does anybody cancel its thread.
            let called = asked.await.expect("a call to a child returns");
            given_up.returned();
            called
        })
    }
}

/// Ends a child whose call nobody waits for any more: its thread would wait until the
/// deadline.
struct GivenUp(Option<Killer>);

impl GivenUp {
    /// Keeps the child: its call has returned.
    fn returned(mut self) {
        self.0 = None;
    }
}

impl Drop for GivenUp {
    fn drop(&mut self) {
        if let Some(child) = self.0.take() {
            child.kill();
        }
    }
}

impl AsyncAgent for Child {
    fn call(self: Box<Self>, message: Message) -> Call {
        self.elsewhere(move |child| child.handle(&message))
    }

    fn call_parcel(self: Box<Self>, message: Message) -> Call {
        self.elsewhere(move |child| child.handle_parcel(message))
    }

    fn call_batch(self: Box<Self>, messages: Vec<Message>) -> Call<Batch> {
        self.elsewhere(move |child| child.handle_batch(&messages))
    }
}

impl Agent for Child {
    fn configure(&mut self, config: &[u8]) -> Result<Vec<Message>, CallError> {
        match self.ask(&Request::Configure(Bytes::new(config)))? {
            Outcome::Handled { sent, .. } => Ok(messages(sent)),
            other => Err(unexpected(&other).into()),
        }
    }

    fn handle(&mut self, message: &Message) -> Result<Handled, CallError> {
        match self.ask(&Request::Handle(message.into()))? {
            Outcome::Handled { replies, sent } => {
                Ok(Handled { replies: messages(replies), sent: messages(sent) })
            }
            other => Err(unexpected(&other).into()),
        }
    }

    fn handle_batch(&mut self, batch: &[Message]) -> Result<Batch, CallError> {
        let batch = batch.iter().map(Wire::from).collect();
        match self.ask(&Request::HandleBatch(batch))? {
            Outcome::Batch { results, sent } => Ok(Batch {
                results: results.into_iter().map(|r| r.map(messages)).collect(),
                sent: messages(sent),
            }),
            other => Err(unexpected(&other).into()),
        }
    }

    fn checkpoint(&mut self) -> Result<Vec<u8>, CallError> {
        match self.ask(&Request::Checkpoint)? {
            Outcome::State(state) => Ok(state.into_vec()),
            other => Err(unexpected(&other).into()),
        }
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), CallError> {
        match self.ask(&Request::Restore(Bytes::new(state)))? {
            Outcome::Done => Ok(()),
            other => Err(unexpected(&other).into()),
        }
    }

    /// Returns the whole process's resident memory, of which the agent is a part.
    fn usage(&self) -> Usage {
        let pid = self.process.id();
        Usage {
            memory: status_field(pid, "VmRSS:"),
            memory_peak: status_field(pid, "VmHWM:"),
            // The kernel refuses, and tells only the child.
            denials: None,
            fuel: None,
            log_dropped: self.log_dropped,
            sends_refused: 0,
        }
    }

    fn take_log(&mut self) -> Vec<LogLine> {
        std::mem::take(&mut self.log)
    }
}

/// Reads a field of `/proc/PID/status` in bytes; the kernel writes kB.
pub(super) fn status_field(pid: u32, name: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let value = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes: u64 = value.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes * 1_024)
}
