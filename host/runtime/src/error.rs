//! The errors of loading and calling an agent, in the words of the person who runs it.

use crate::{Cause, Failure, Fault};
use std::path::PathBuf;

/// The error of a call that brought no result.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The agent answered with a failure. It lives on.
    #[error("the agent answered: {}", .0.sentence())]
    Failure(Failure),
    /// The instance ended.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl CallError {
    /// Returns the fault; `None` if the instance lives on.
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Fault(fault) => Some(fault),
            Self::Failure(_) => None,
        }
    }

    /// Returns the fault's cause; `None` if the instance lives on.
    pub fn cause(&self) -> Option<&Cause> {
        self.fault().map(|fault| &fault.cause)
    }
}

impl From<Cause> for CallError {
    fn from(cause: Cause) -> Self {
        Self::Fault(cause.into())
    }
}

/// An error that keeps an agent's program from being loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file could not be read.
    #[error("cannot read {}: {source}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        source: std::io::Error,
    },
    /// The file is not a component.
    #[error("not a component: it is {found}. {remedy}")]
    NotAComponent {
        /// The format that the bytes have instead, in words.
        found: String,
        /// The advice that goes with the format, in sentences.
        remedy: String,
    },
    /// The component is of no kind of subject, or not of the one that was asked for.
    #[error(transparent)]
    Kind(crate::subject::KindError),
    /// The component has an import that the sandbox config does not grant.
    #[error("the component imports `{import}`, which the sandbox config does not grant. {remedy}")]
    UndeclaredImport {
        /// The import's name.
        import: String,
        /// The advice that goes with the import, in sentences.
        remedy: String,
    },
    /// The component lacks an export that every agent has.
    #[error(
        "the component does not export `{name}`, which an agent must: expected {expected}; it exports {found}"
    )]
    MissingExport {
        /// The export's name.
        name: String,
        /// Its signature in the WIT.
        expected: String,
        /// The component's exports, in words.
        found: String,
    },
    /// An import or export has another type than the contract says.
    #[error("`{name}` has the wrong signature: expected {expected}, found {found}")]
    WrongSignature {
        /// The function's name.
        name: String,
        /// Its signature in the WIT.
        expected: String,
        /// Its signature in the component.
        found: String,
    },
    /// The component does not compile or link.
    #[error("the component cannot be prepared: {0}")]
    Prepare(String),
    /// The library is not a native twin.
    #[error("{} is not a native twin: {reason}", .path.display())]
    NotATwin {
        /// The library.
        path: PathBuf,
        /// The loader's reason, in words.
        reason: String,
    },
    /// The child process could not be started.
    #[error("cannot start a child process for {}: {reason}", .path.display())]
    Child {
        /// The twin that it was to run.
        path: PathBuf,
        /// The child's own words, or the reason that none could be started.
        reason: String,
    },
    /// The sandbox config has a setting that cannot be met.
    #[error("the sandbox config cannot be used: {0}")]
    Config(String),
    /// This machine lacks what the sandbox config's engine needs.
    #[error(
        "this machine cannot run the sandbox config's engine: {0}; or lower `allocation.slots`"
    )]
    Engine(String),
    /// The kernel makes no file in memory, from which memories are copied on write.
    #[error(
        "the kernel or the container refuses `memfd_create` ({0}), which the layout `fast` needs: \
         allow it, or set `layout = \"dense\"` in the sandbox config's `[allocation]`"
    )]
    NoMemfd(String),
    /// The kernel starts no further thread.
    #[error("cannot start a thread: {0}")]
    Threads(String),
}
