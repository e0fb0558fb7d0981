//! A supervised child process: the one way in which a program here starts, watches and ends
//! another. It is used for agents in child processes ([`crate::process`]), and by whoever
//! needs a process that may hang, flood or be killed without taking its parent along.
//!
//! A [`Child`]
//! - leads a process group of its own, so that it is killed with all that it started
//!   (unless that has left the group), and Ctrl-C at a terminal is for the parent alone:
//!   whoever waits passes a function that says whether to stop;
//! - is waited for with a deadline ([`Child::wait`], [`Child::line`]);
//! - writes its standard error into a pipe of which the last lines are kept, and no more;
//! - is killed and reaped when it is dropped, whatever happens before;
//! - ends with a [`Cause`]: an exit code, a signal by its name, the kernel's out-of-memory
//!   killer, a deadline.
//!
//! ```
//! use sandlab_runtime::child::Child;
//! use std::process::Command;
//! use std::time::Duration;
//!
//! let mut child = Child::start(Command::new("sh").args(["-c", "echo no >&2; exit 7"]))?;
//! let ended = child.finish(Duration::from_secs(60), &|| false);
//! assert_eq!(ended.to_string(), "exit code 7: no");
//! # Ok::<(), std::io::Error>(())
//! ```

mod cause;
mod oom;
mod stderr;

pub use cause::{Cause, Ended};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, kill_process_group, pidfd_open, waitid,
};
use std::io::{self, BufRead, BufReader, Read};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{self, ChildStdin, ChildStdout, Command, ExitStatus};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// The interval at which whoever waits looks whether to stop.
const GLANCE: Duration = Duration::from_millis(50);

/// Lines of standard output that are read ahead; then the child waits for its reader.
const AHEAD: usize = 64;

/// Bytes of a line; the rest of a longer one counts as the next.
const LONGEST_LINE: u64 = 64 << 20;

/// Returns a command that starts this very program again. It goes by `/proc/self/exe`,
/// which is the running file even after another was put in its place, as an update does.
pub fn this_program() -> Command {
    let mut command = Command::new("/proc/self/exe");
    if let Some(name) = std::env::args_os().next() {
        // What a list of processes shows.
        command.arg0(name);
    }
    command
}

/// A supervised child process.
pub struct Child {
    process: process::Child,
    group: Arc<Group>,
    /// Tells its end without a poll; `None` before Linux 5.3.
    pidfd: Option<OwnedFd>,
    lines: Option<Receiver<String>>,
    stderr: stderr::LastLines,
    /// The kernel's count of kills for want of memory when the child started. `None` where the
    /// kernel does not count.
    oom_kills: Option<u64>,
    ended: Option<Ended>,
}

impl Child {
    /// Starts a command in a process group of its own, with its standard error in a pipe.
    /// If its standard output is piped too, [`Self::line`] reads it.
    ///
    /// # Errors
    /// If it cannot be started, or the machine gives no pipe or no thread.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        let (stderr, writer) = stderr::LastLines::listen()?;
        let oom_kills = oom::kills();
        let process = command.stderr(writer).process_group(0).spawn();
        // The command would hold the pipe open, and so the thread that reads it.
        command.stderr(process::Stdio::null());
        let process = process?;
        let leader = Pid::from_child(&process);
        let mut child = Self {
            group: Arc::new(Group { leader, reaped: Mutex::new(false) }),
            pidfd: pidfd_open(leader, PidfdFlags::empty()).ok(),
            process,
            lines: None,
            stderr,
            oom_kills,
            ended: None,
        };
        // From here on, an error kills it.
        if let Some(stdout) = child.process.stdout.take() {
            child.lines = Some(read_lines(stdout)?);
        }
        Ok(child)
    }

    /// Returns its process id, which nobody else gets before this is dropped or [`Self::end`] is
    /// called.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Takes its standard input, if that is piped.
    pub fn stdin(&mut self) -> Option<ChildStdin> {
        self.process.stdin.take()
    }

    /// Returns what kills it from elsewhere, whoever has the child itself.
    pub fn killer(&self) -> Killer {
        Killer(self.group.clone())
    }

    /// Waits for the next line of its standard output; `None` at the output's end, and if it
    /// is not piped.
    ///
    /// # Errors
    /// The cause to [end](Self::end) it for: no line came within the limit, or `stopped`.
    pub fn line(
        &self,
        limit: Duration,
        stopped: &dyn Fn() -> bool,
    ) -> Result<Option<String>, Cause> {
        let Some(lines) = &self.lines else {
            return Ok(None);
        };
        wait(limit, stopped, |left| match lines.recv_timeout(left) {
            Ok(line) => Some(Some(line)),
            Err(RecvTimeoutError::Disconnected) => Some(None),
            Err(RecvTimeoutError::Timeout) => None,
        })
    }

    /// Waits until it ends by itself. What it started may live on until [`Self::end`].
    ///
    /// # Errors
    /// The cause to [end](Self::end) it for: it did not end within the limit, or `stopped`.
    pub fn wait(&self, limit: Duration, stopped: &dyn Fn() -> bool) -> Result<(), Cause> {
        wait(limit, stopped, |left| {
            if self.has_ended() {
                return Some(());
            }
            self.pause(left);
            self.has_ended().then_some(())
        })
    }

    /// Waits until it ends by itself, or must be ended, and returns how it ended.
    pub fn finish(&mut self, limit: Duration, stopped: &dyn Fn() -> bool) -> Ended {
        let waited = self.wait(limit, stopped);
        self.end(waited.err().unwrap_or(Cause::Stopped))
    }

    /// Returns true if it has ended by itself, or was killed from elsewhere. The status stays with
    /// the kernel for whoever waits.
    pub fn has_ended(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        self.ended.is_some()
            || !matches!(
                waitid(WaitId::Pid(self.group.leader), options),
                Ok(None) | Err(Errno::INTR)
            )
    }

    /// Returns when it ends, or after this long.
    fn pause(&self, time: Duration) {
        match &self.pidfd {
            Some(pidfd) => {
                let mut watched = [PollFd::new(pidfd, PollFlags::IN)];
                let _ = poll(&mut watched, Timespec::try_from(time).ok().as_ref());
            }
            None => thread::sleep(time.min(Duration::from_millis(1))),
        }
    }

    /// Kills what lives of its group, reaps it, and returns how it ended: for the cause that
    /// is given, unless it had ended by itself. Once it has ended, returns the same again.
    pub fn end(&mut self, cause: Cause) -> Ended {
        if let Some(ended) = &self.ended {
            return ended.clone();
        }
        let by_itself = self.has_ended();
        let status = self.kill_and_reap();
        let cause = match status {
            Ok(status) if by_itself => Cause::of(status, self.oom_kills),
            Ok(_) => cause,
            Err(error) => Cause::Unknown(error.to_string()),
        };
        let ended = Ended { cause, stderr: self.stderr.last() };
        self.ended = Some(ended.clone());
        ended
    }

    fn kill_and_reap(&mut self) -> io::Result<ExitStatus> {
        self.group.kill();
        // It is waited for before the lock is taken, so that no killer waits too.
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while let Err(Errno::INTR) = waitid(WaitId::Pid(self.group.leader), options) {}
        let mut reaped = self.group.lock();
        *reaped = true;
        self.process.wait()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.ended.is_none() {
            // There is nobody to tell.
            let _ = self.kill_and_reap();
        }
    }
}

/// Kills a [`Child`] from elsewhere. One that has ended needs no end, and is left alone.
#[derive(Clone)]
pub struct Killer(Arc<Group>);

impl Killer {
    /// Kills the child's process group.
    pub fn kill(&self) {
        self.0.kill();
    }
}

struct Group {
    leader: Pid,
    /// From then on, the id may be another's.
    reaped: Mutex<bool>,
}

impl Group {
    fn lock(&self) -> std::sync::MutexGuard<'_, bool> {
        self.reaped.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kill(&self) {
        let reaped = self.lock();
        if !*reaped {
            // Fails only if all of them have ended.
            let _ = kill_process_group(self.leader, Signal::KILL);
        }
    }
}

/// Asks `next`, which waits for at most so long, until it has something.
fn wait<T>(
    limit: Duration,
    stopped: &dyn Fn() -> bool,
    mut next: impl FnMut(Duration) -> Option<T>,
) -> Result<T, Cause> {
    let start = Instant::now();
    loop {
        if stopped() {
            return Err(Cause::Stopped);
        }
        let left = limit.saturating_sub(start.elapsed());
        if let Some(found) = next(left.min(GLANCE)) {
            return Ok(found);
        }
        if left.is_zero() {
            return Err(Cause::Deadline(limit));
        }
    }
}

/// Reads lines on a thread, which ends with the output.
fn read_lines(stdout: ChildStdout) -> io::Result<Receiver<String>> {
    let (sender, lines) = sync_channel(AHEAD);
    let thread = thread::Builder::new().name("child-stdout".to_owned());
    thread.spawn(move || send_lines(stdout, &sender))?;
    Ok(lines)
}

fn send_lines(stdout: impl Read, to: &SyncSender<String>) {
    let mut stdout = BufReader::new(stdout);
    loop {
        let mut line = Vec::new();
        let read = stdout.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line);
        if !matches!(read, Ok(1..)) {
            return;
        }
        let end = line.strip_suffix(b"\n").map_or(line.len(), <[u8]>::len);
        let text = String::from_utf8_lossy(&line[..end]).into_owned();
        if to.send(text).is_err() {
            return;
        }
    }
}
