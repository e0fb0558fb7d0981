//! The causes of a child's end, in words.

use super::oom;
use crate::span;
use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

/// The cause of a child's end.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// It exited, or died by a signal that nobody here sent.
    Status(ExitStatus),
    /// It was killed, and meanwhile the kernel's out-of-memory killer had struck in this
    /// process's cgroup.
    OutOfMemory,
    /// It took longer than this, and was killed.
    Deadline(Duration),
    /// Its parent was told to stop, or had no more use for it, and killed it.
    Stopped,
    /// The machine does not tell: why not.
    Unknown(String),
}

impl Cause {
    /// Returns the cause behind a status. The kernel counts its kills before it sends their signal,
    /// so that a kill of this child is counted by now.
    pub(super) fn of(status: ExitStatus, oom_kills_before: Option<u64>) -> Self {
        let is_killed = status.signal() == Some(rustix::process::Signal::KILL.as_raw());
        let has_struck = || oom_kills_before.is_some_and(|before| oom::kills() > Some(before));
        if is_killed && has_struck() { Self::OutOfMemory } else { Self::Status(status) }
    }

    /// Returns true if the child ended by itself and had no error.
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Status(status) if status.success())
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => match status.code() {
                Some(code) => write!(f, "exit code {code}"),
                // The standard library knows the names: `signal: 6 (SIGABRT)`.
                None => f.write_str(&status.to_string().replacen(": ", " ", 1)),
            },
            Self::OutOfMemory => f.write_str("killed, most likely by the kernel: out of memory"),
            Self::Deadline(limit) => write!(f, "not done after {}, and killed", span(*limit)),
            Self::Stopped => f.write_str("stopped"),
            Self::Unknown(why) => f.write_str(why),
        }
    }
}

/// The end of a child, with its last words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The child's own status if it ended by itself, else the cause that the host ended it for.
    pub cause: Cause,
    /// The last lines of its standard error, at most 4 KiB, with control characters spelled
    /// out; empty if it wrote nothing.
    pub stderr: String,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)?;
        if self.stderr.is_empty() {
            return Ok(());
        }
        write!(f, ": {}", self.stderr)
    }
}
