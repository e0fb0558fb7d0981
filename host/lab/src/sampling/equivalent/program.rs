//! A native program, started anew for each message.

use crate::{Error, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use sandlab_runtime::subject::{CommandRequest, CommandResponse};
use sandlab_runtime::{
    Agent, AsyncAgent, Backend, BackendKind, Batch, Budget, Call, CallError, Called, Cause,
    Failure, Fault, Handled, Identity, Message, SandboxConfig, Started,
};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A program, whose instances are processes.
#[derive(Clone)]
pub struct Programs(Arc<Inner>);

struct Inner {
    command: Vec<String>,
    deadline: Duration,
    /// The most standard output that a reply has, bytes.
    budget: u64,
    /// The most of standard error that a reply has, bytes.
    kept: usize,
}

impl Programs {
    /// Makes sure that a program can be started.
    ///
    /// # Errors
    /// If it is not found, or may not be run.
    pub fn find(command: &[String], config: &SandboxConfig) -> Result<Self> {
        let inner = Inner {
            command: command.to_vec(),
            deadline: config.deadline,
            budget: config.budgets.output.as_u64(),
            kept: usize::try_from(config.log.size.as_u64()).unwrap_or(usize::MAX),
        };
        let started = inner.start(&CommandRequest::default());
        let mut child = started.map_err(|error| {
            let name = command.first().map_or("", String::as_str);
            Error::Usage(format!(
                "the native program {name:?} does not start: {error}; give a path, or a name that \
                 PATH has"
            ))
        })?;
        end(&mut child);
        Ok(Self(Arc::new(inner)))
    }
}

impl Backend for Programs {
    fn kind(&self) -> BackendKind {
        BackendKind::Native
    }

    fn spawn(&self, _identity: Identity) -> Result<Box<dyn Agent>, Fault> {
        Ok(Box::new(self.clone()))
    }

    fn start(&self, _identity: Identity) -> Result<Started, Fault> {
        Ok(Started::Async(Box::new(self.clone())))
    }
}

impl Agent for Programs {
    fn configure(&mut self, _config: &[u8]) -> Result<Vec<Message>, CallError> {
        Err(Cause::Unsupported("configure".to_owned()).into())
    }

    fn handle(&mut self, message: &Message) -> Result<Handled, CallError> {
        let request: CommandRequest = serde_json::from_slice(&message.content)
            .map_err(|error| CallError::Failure(Failure::NotUnderstood(error.to_string())))?;
        Ok(super::reply(message, serde_json::to_vec(&self.0.run(&request)?)))
    }
}

impl AsyncAgent for Programs {
    fn call(mut self: Box<Self>, message: Message) -> Call {
        Box::pin(async move {
            let called = tokio::task::spawn_blocking(move || {
                let outcome = self.handle(&message);
                Called { agent: self as Box<dyn AsyncAgent>, outcome }
            });
            called.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
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

impl Inner {
    fn start(&self, request: &CommandRequest) -> io::Result<Child> {
        let (program, first) = self.command.split_first().ok_or(io::ErrorKind::NotFound)?;
        Command::new(program)
            .args(first)
            .args(request.args.iter().map(AsRef::as_ref))
            .envs(request.env.iter().map(|(name, value)| (name.as_ref(), value.as_ref())))
            .stdin(if request.stdin.is_empty() { Stdio::null() } else { Stdio::piped() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
    }

    /// Runs a process to its end.
    fn run(&self, request: &CommandRequest) -> Result<CommandResponse<'static>, Fault> {
        let host = |error: io::Error| Fault::from(Cause::Host(format!("the program: {error}")));
        let due = Instant::now() + self.deadline;
        let mut child = self.start(request).map_err(host)?;
        let input = request.stdin.0.to_vec();
        if let Some(mut stdin) = child.stdin.take() {
            // Elsewhere, since a program may write before it has read; one that does not read all
            // of it says itself what is wrong.
            let feed = move || drop(stdin.write_all(&input));
            if let Err(error) = std::thread::Builder::new().spawn(feed) {
                end(&mut child);
                return Err(host(error));
            }
        }
        let read = self.read(&mut child, due);
        let (stdout, mut stderr) = match read {
            Ok(read) => read,
            Err(fault) => {
                end(&mut child);
                return Err(fault);
            }
        };
        let status = child.wait().map_err(host)?;
        // By the shells' convention; a program that crashes replies wrongly, as a guest does.
        let exit = status.code().unwrap_or_else(|| {
            let signal = status.signal().unwrap_or_default();
            if stderr.last().is_some_and(|last| *last != b'\n') {
                stderr.push(b'\n');
            }
            stderr.extend(format!("ended by signal {signal}\n").bytes());
            128 + signal
        });
        Ok(CommandResponse { exit, stdout: stdout.into(), stderr: stderr.into() })
    }

    /// Reads what a process writes, until it has ended.
    fn read(&self, child: &mut Child, due: Instant) -> Result<(Vec<u8>, Vec<u8>), Fault> {
        let host = |error: io::Error| Fault::from(Cause::Host(format!("the program: {error}")));
        let pid = Pid::from_child(child);
        let ended = pidfd_open(pid, PidfdFlags::empty()).map_err(|error| host(error.into()))?;
        let (mut out, mut err) = (child.stdout.take(), child.stderr.take());
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let mut buffer = [0; 64 << 10];
        loop {
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Cause::Deadline(self.deadline).into());
            }
            let timeout = Timespec::try_from(left).ok();
            let mut files = vec![PollFd::new(&ended, PollFlags::IN)];
            files.extend(out.iter().map(|file| PollFd::new(file, PollFlags::IN)));
            files.extend(err.iter().map(|file| PollFd::new(file, PollFlags::IN)));
            poll(&mut files, timeout.as_ref()).map_err(|error| host(error.into()))?;
            let is_over = !files[0].revents().is_empty();
            let mut went = read_ready(&mut out, &mut stdout, &mut buffer).map_err(host)?;
            went |= read_ready(&mut err, &mut stderr, &mut buffer).map_err(host)?;
            if stdout.len() as u64 > self.budget {
                let over = Cause::OverBudget { budget: Budget::Output, limit: self.budget };
                return Err(over.into());
            }
            if stderr.len() > self.kept {
                stderr.drain(..stderr.len() - self.kept);
            }
            if !went && is_over {
                return Ok((stdout, stderr));
            }
        }
    }
}

/// Reads what a pipe has, and forgets the pipe at its end, where it is ready for ever. Returns
/// whether there was something.
fn read_ready(
    pipe: &mut Option<impl Read + AsFd>,
    to: &mut Vec<u8>,
    buffer: &mut [u8],
) -> io::Result<bool> {
    let Some(file) = pipe.as_mut().filter(|file| is_ready(&**file)) else {
        return Ok(false);
    };
    let count = file.read(buffer)?;
    to.extend_from_slice(&buffer[..count]);
    if count == 0 {
        *pipe = None;
    }
    Ok(count > 0)
}

fn is_ready(file: &impl AsFd) -> bool {
    let mut files = [PollFd::new(file, PollFlags::IN)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut files, Some(&now)).is_ok_and(|ready| ready > 0)
}

/// Ends a process with all that it started.
fn end(child: &mut Child) {
    let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
    let _ = child.wait();
}
