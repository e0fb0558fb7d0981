//! What can go wrong in the lab, and whose turn it then is.

use sandlab_runtime::config::ConfigError;
use sandlab_runtime::{BackendKind, CallError, Fault, LoadError};
use std::path::{Path, PathBuf};

/// Why the lab could not do what it was asked, or what it found.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A name that no bundle has.
    #[error("there is no agent {name:?} {place}{}", known_names(.known))]
    UnknownAgent {
        /// What was asked for.
        name: String,
        /// Where it was looked for.
        place: String,
        /// What there is.
        known: Vec<String>,
    },
    /// A folder in which no agent crate is.
    #[error(
        "{}: {reason}. An agent crate has `crate-type = [\"cdylib\"]`; `sandlab new NAME` writes one",
        .path.display()
    )]
    NoAgentCrate {
        /// Which folder.
        path: PathBuf,
        /// What is there instead.
        reason: String,
    },
    /// A word on the command line that cannot be used.
    #[error("{0}")]
    Usage(String),
    /// The sandbox sandbox config cannot be read.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A workload file is not what it should be.
    #[error("the workload {}: {reason}", .path.display())]
    Workload {
        /// Which file.
        path: PathBuf,
        /// Where, and what.
        reason: String,
    },
    /// A file or folder could not be read or written.
    #[error("cannot {verb} {}: {source}", .path.display())]
    File {
        /// What was tried.
        verb: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it did not work.
        source: std::io::Error,
    },
    /// A bundle that does not fit its manifest.
    #[error("the bundle {}: {reason}; build the agent anew with `sandlab build`", .path.display())]
    BadBundle {
        /// Which bundle.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Cargo or rustc failed, or is not there.
    #[error("{0}")]
    Toolchain(String),
    /// An agent's program could not be loaded.
    #[error("{agent} on {backend}: {source}")]
    Load {
        /// Which agent.
        agent: String,
        /// How it was to run.
        backend: BackendKind,
        /// Why it does not.
        source: LoadError,
    },
    /// A call failed while an agent was measured.
    #[error("{agent} on {side}, {step}: {source}")]
    Call {
        /// Which agent.
        agent: String,
        /// How it ran: a backend, or a rung of the ladder.
        side: String,
        /// At which step.
        step: String,
        /// What happened.
        source: CallError,
    },
    /// An agent replied something else than it must: its timings mean nothing.
    #[error("{agent} on {side}, {step}: {reason}; nothing that it timed counts")]
    WrongReply {
        /// Which agent.
        agent: String,
        /// How it ran: a backend, or a rung of the ladder.
        side: String,
        /// At which message.
        step: String,
        /// What was expected, and what came.
        reason: String,
    },
    /// The machine or wasmtime could not do it.
    #[error("{0}")]
    Machine(String),
    /// A message on the path came to nothing, or to something wrong.
    #[error("{0}; nothing that was measured counts")]
    Path(String),
    /// A store that cannot be read or written.
    #[error("the results in {}: {reason}", .path.display())]
    Store {
        /// Which file.
        path: PathBuf,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// A file that is no exported run.
    #[error("the exported run {}: {reason}", .path.display())]
    Import {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Results that are beyond what may be: the last column of the targets.
    #[error("{}", lines(.0))]
    Beyond(Vec<String>),
    /// Guests that are not what they must be; the report says how.
    #[error("{errors} errors and {warnings} warnings; the report has them")]
    Invalid {
        /// Findings with which a guest must not be used.
        errors: usize,
        /// Findings that somebody should know of.
        warnings: usize,
    },
    /// Somebody stopped the run.
    #[error("stopped before all was measured; what was measured is reported")]
    Stopped,
    /// More than one thing went wrong.
    #[error("{}", lines(.0))]
    Several(Vec<Error>),
}

/// Whose turn it is after an error.
/// A later case outweighs an earlier one where both happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The author's of what was measured: a check did not hold.
    Finding,
    /// The caller's: the command or the configuration cannot be used.
    Usage,
    /// The machine's owner's: the tool could not do its work.
    Broken,
}

impl Error {
    /// Whose turn it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::UnknownAgent { .. }
            | Self::NoAgentCrate { .. }
            | Self::Usage(_)
            | Self::Workload { .. }
            | Self::Import { .. }
            | Self::Config(_)
            | Self::Load {
                source: LoadError::Config(_),
                ..
            } => Kind::Usage,
            Self::Call { source, .. } if !is_machines(source) => Kind::Finding,
            Self::WrongReply { .. } | Self::Path(_) | Self::Beyond(_) | Self::Invalid { .. } => {
                Kind::Finding
            }
            Self::Several(all) => all.iter().map(Self::kind).max().unwrap_or(Kind::Broken),
            _ => Kind::Broken,
        }
    }

    /// Wraps what the operating system said about a file.
    pub fn file(verb: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { verb, path, source }
    }
}

fn lines(errors: &[impl ToString]) -> String {
    let lines: Vec<_> = errors.iter().map(ToString::to_string).collect();
    lines.join("\nerror: ")
}

/// Whether the host failed, and not the agent.
fn is_machines(error: &CallError) -> bool {
    matches!(
        error.fault(),
        Some(Fault::Host(_) | Fault::ProcessEnded(_) | Fault::NoSlot(_))
    )
}

fn known_names(known: &[String]) -> String {
    match known {
        [] => ": build some with `sandlab build DIR`".to_owned(),
        names => format!("; there are {}", names.join(", ")),
    }
}

/// What the lab's functions return.
pub type Result<T, E = Error> = std::result::Result<T, E>;
