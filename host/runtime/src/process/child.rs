//! The child's side: one twin, one agent, one request after another.

use super::frame::{self, Answer, Outcome, Owned, Request, Start, VERSION};
use super::parent;
use crate::native::Twin;
use crate::{Agent, Backend, CallError, Cause, Fault, Identity, Interface, Message};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Resource, Rlimit, setrlimit};
use serde_bytes::ByteBuf;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread;

/// The environment variable that makes this program a child.
pub(super) const CHILD_VARIABLE: &str = "SANDLAB_CHILD";

/// Serves as a child process, and never returns, if this program was started as one.
/// Every program that uses the `process` backend must call it first in `main`.
pub fn serve_if_child() {
    parent::allow();
    if std::env::var_os(CHILD_VARIABLE).is_none() {
        return;
    }
    let served = serve();
    // The parent shows standard error if it got no answer.
    if let Err(error) = &served {
        let _ = writeln!(io::stderr(), "{error}");
    }
    std::process::exit(i32::from(served.is_err()));
}

fn serve() -> io::Result<()> {
    let input = rustix::io::dup(rustix::stdio::stdin())?;
    let mut socket = UnixStream::from(input);
    // The agent's standard input is empty: the socket must not be read by the agent.
    rustix::stdio::dup2_stdin(std::fs::File::open("/dev/null")?)?;
    exit_with_parent(socket.try_clone()?.into())?;
    let (mut received, mut written) = (Vec::new(), Vec::new());
    let request = frame::read(&mut socket, u64::MAX, &mut received)?;
    let Request::Start(start) = request else {
        return Err(io::Error::other("the first request was not to start"));
    };
    let mut agent = match start_agent(*start) {
        Ok((agent, offers)) => {
            frame::write(&mut socket, &answer(Outcome::Started(offers)), &mut written)?;
            agent
        }
        Err(fault) => {
            return frame::write(&mut socket, &answer(Outcome::Fault(fault)), &mut written);
        }
    };
    loop {
        let request = match frame::read(&mut socket, u64::MAX, &mut received) {
            Ok(request) => request,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error),
        };
        let outcome = run(agent.as_mut(), request).unwrap_or_else(|error| match error {
            CallError::Failure(failure) => Outcome::Failure(failure),
            CallError::Fault(fault) => Outcome::Fault(fault),
        });
        let answer =
            Answer { outcome, log: agent.take_log(), log_dropped: agent.usage().log_dropped };
        frame::write(&mut socket, &answer, &mut written)?;
    }
}

fn answer(outcome: Outcome) -> Answer {
    Answer { outcome, log: Vec::new(), log_dropped: 0 }
}

fn start_agent(start: Start) -> Result<(Box<dyn Agent>, Vec<Interface>), Fault> {
    if start.version != VERSION {
        let (parent, child) = (start.version, VERSION);
        return Err(Cause::Host(format!(
            "the parent speaks version {parent} of the protocol, the child {child}: the \
             program's file was replaced while it ran; start it again"
        ))
        .into());
    }
    let twin =
        Twin::load(&start.twin, &start.config).map_err(|error| Cause::Host(error.to_string()))?;
    let identity = Identity { id: start.id, directory: Arc::new(start.peers) };
    let agent = twin.spawn(identity)?;
    let offered = |interface: &Interface| twin.offers(*interface).is_ok();
    let offers = Interface::ALL.into_iter().filter(offered).collect();
    limit_memory(start.config.memory_limit.as_u64())?;
    Ok((agent, offers))
}

/// Limits the agent's memory, bytes, on top of what the process has now. `RLIMIT_DATA` counts the
/// heap and private writable mappings (getrlimit(2), Linux 4.7), not the shared libraries.
fn limit_memory(limit: u64) -> Result<(), Cause> {
    let host = |error: String| Cause::Host(format!("cannot limit the child's memory: {error}"));
    let now = parent::status_field(std::process::id(), "VmData:")
        .ok_or_else(|| host("/proc/self/status has no VmData".to_owned()))?;
    // One that is as good as none.
    let limit = now.saturating_add(limit);
    let limit = Rlimit { current: Some(limit), maximum: Some(limit) };
    setrlimit(Resource::Data, limit).map_err(|error| host(error.to_string()))
}

fn run(agent: &mut dyn Agent, request: Request) -> Result<Outcome, CallError> {
    let wires = |messages: Vec<Message>| messages.into_iter().map(Owned::from).collect();
    Ok(match request {
        Request::Start(_) => {
            return Err(Cause::Host("the child was asked to start twice".to_owned()).into());
        }
        Request::Configure(config) => {
            let sent = wires(agent.configure(config)?);
            let replies = Vec::new();
            Outcome::Handled { replies, sent }
        }
        Request::Handle(message) => {
            let handled = agent.handle(&message.into())?;
            Outcome::Handled { replies: wires(handled.replies), sent: wires(handled.sent) }
        }
        Request::HandleBatch(messages) => {
            let messages: Vec<Message> = messages.into_iter().map(Message::from).collect();
            let batch = agent.handle_batch(&messages)?;
            Outcome::Batch {
                results: batch.results.into_iter().map(|r| r.map(wires)).collect(),
                sent: wires(batch.sent),
            }
        }
        Request::Checkpoint => Outcome::State(ByteBuf::from(agent.checkpoint()?)),
        Request::Restore(state) => {
            agent.restore(state)?;
            Outcome::Done
        }
    })
}

/// Ends this process when the parent's end of the socket closes, even if the agent
/// never returns. (Linux's parent-death signal would fire when the parent's thread ends.)
fn exit_with_parent(socket: OwnedFd) -> io::Result<()> {
    let watch = move || loop {
        let mut watched = [PollFd::new(&socket, PollFlags::empty())];
        if poll(&mut watched, None).is_ok() && watched[0].revents().contains(PollFlags::HUP) {
            std::process::exit(0);
        }
    };
    let builder = thread::Builder::new().name("parent-watch".to_owned());
    builder.spawn(watch).map(drop)
}
