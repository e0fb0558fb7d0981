//! The lab's errors, each with who has to act on it.

use sandlab_runtime::config::ConfigError;
use sandlab_runtime::messaging::SpawnError;
use sandlab_runtime::subject::KindError;
use sandlab_runtime::{BackendKind, CallError, Cause, LoadError, why_not_started};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The reason why a command failed: it could not do its work, or a check did not hold.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No bundle has this name.
    #[error("there is no agent {name:?} {place}{}", known_names(.known))]
    UnknownAgent {
        /// The name as it was typed.
        name: String,
        /// The places that were searched, as part of a sentence.
        place: String,
        /// The names of the agents that are there.
        known: Vec<String>,
    },
    /// A folder that has no agent crate.
    #[error(
        "{}: {reason}. An agent crate has `crate-type = [\"cdylib\"]`; `sandlab new NAME` writes one",
        .path.display()
    )]
    NoAgentCrate {
        /// The folder.
        path: PathBuf,
        /// The reason why the folder does not count as an agent crate.
        reason: String,
    },
    /// The command line cannot be used as it is.
    #[error("{0}")]
    Usage(String),
    /// The sandbox config cannot be read.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A workload file is malformed.
    #[error("the workload {}: {reason}", .path.display())]
    Workload {
        /// The workload file.
        path: PathBuf,
        /// The line, and the error in it.
        reason: String,
    },
    /// A host stopped before all messages that it had accepted were finished.
    #[error("stopped with messages left: {0}; a longer `drain` lets them finish")]
    LeftBehind(String),
    /// A file or folder could not be read or written.
    #[error("cannot {verb} {}: {source}", .path.display())]
    File {
        /// The operation, as a verb: "read", "write".
        verb: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// A bundle and its manifest disagree.
    #[error("the bundle {}: {reason}; build the agent again with `sandlab build`", .path.display())]
    BadBundle {
        /// The bundle's folder.
        path: PathBuf,
        /// The file or field that disagrees.
        reason: String,
    },
    /// Cargo or rustc failed, or is not installed.
    #[error("{0}")]
    Toolchain(String),
    /// An agent's program could not be loaded.
    #[error("{agent} on {backend}: {source}")]
    Load {
        /// The agent's name.
        agent: String,
        /// The backend that was to run it.
        backend: BackendKind,
        /// The reason.
        source: LoadError,
    },
    /// A call failed while an agent was measured.
    #[error("{agent} on {side}, {step}: {source}")]
    Call {
        /// The agent's name.
        agent: String,
        /// The backend, or the rung of the ladder.
        side: String,
        /// The step that failed: spawn, configure, or a message.
        step: String,
        /// The fault, or the agent's own failure.
        source: CallError,
    },
    /// An agent gave a wrong reply, so that its timings are void.
    #[error("{agent} on {side}, {step}: {reason}; its timings are discarded")]
    WrongReply {
        /// The agent's name.
        agent: String,
        /// The backend, or the rung of the ladder.
        side: String,
        /// The message with the wrong reply.
        step: String,
        /// The expected reply and the actual one.
        reason: String,
    },
    /// The operating system or wasmtime refused something.
    #[error("{0}")]
    Machine(String),
    /// The process that holds a plan's agents could not hold them; the prediction stands.
    #[error("{agent} in a process of its own: {why}")]
    Held {
        /// The agent's name.
        agent: String,
        /// The reason why the process ended.
        why: String,
    },
    /// An agent does not start on the message path.
    #[error("{0}; the measurement is discarded")]
    NotStarted(#[from] SpawnError),
    /// A message between agents was lost, or its reply was wrong.
    #[error("{0}; the measurement is discarded")]
    Path(String),
    /// The store cannot be read or written.
    #[error("the results in {}: {reason}", .path.display())]
    Store {
        /// The store's file.
        path: PathBuf,
        /// The cause, and the remedy.
        reason: String,
    },
    /// A file is not an exported run.
    #[error("the exported run {}: {reason}", .path.display())]
    Import {
        /// The file to import.
        path: PathBuf,
        /// The place in the file, and the error there.
        reason: String,
    },
    /// Results are worse than the targets' critical bounds, or a gate's rule: one line each.
    #[error("{}", lines(.0))]
    TargetsMissed(Vec<String>),
    /// Too few samples count for a verdict: one line each.
    #[error("{}", .0.join("\nwarning: "))]
    NotJudged(Vec<String>),
    /// Guests did not pass `validate`; its report has the findings.
    #[error(
        "{errors} error{} and {warnings} warning{}; the report has them",
        ending(*errors), ending(*warnings)
    )]
    Invalid {
        /// Findings that rule a guest out.
        errors: usize,
        /// Findings that do not.
        warnings: usize,
    },
    /// The run was stopped by a signal.
    #[error("stopped early; the report has what was measured until then")]
    Stopped,
    /// Failures while a stored run was measured.
    #[error("when it was measured: {}", lines(.failures))]
    Stored {
        /// The texts of the errors.
        failures: Vec<String>,
        /// The party that has to act on them.
        kind: Kind,
    },
    /// Several errors, in the order in which they happened.
    #[error("{}", lines(.0))]
    Several(Vec<Error>),
}

/// The party that has to act on an error, which decides the exit code. Of several errors, the later
/// variant wins.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Nobody, or another user of the machine: measure again. Exit code 4.
    NotJudged,
    /// The author of the subject: a check did not hold. Exit code 1.
    Finding,
    /// The caller: the command line or a configuration file cannot be used. Exit code 2.
    Usage,
    /// The owner of the machine: sandlab could not do its work. Exit code 3.
    Internal,
}

impl Error {
    /// Returns who has to act on it.
    pub fn kind(&self) -> Kind {
        match self {
            Self::UnknownAgent { .. }
            | Self::NoAgentCrate { .. }
            | Self::Usage(_)
            | Self::Workload { .. }
            | Self::Import { .. }
            | Self::Config(_)
            | Self::Load {
                source:
                    LoadError::Config(_)
                    | LoadError::Kind(
                        KindError::NeedsAsync(_) | KindError::Ambiguous | KindError::Not { .. },
                    ),
                ..
            } => Kind::Usage,
            // It is not where the caller said, is a folder, or is no text.
            Self::File { source, .. }
                if matches!(
                    source.kind(),
                    ErrorKind::NotFound
                        | ErrorKind::IsADirectory
                        | ErrorKind::NotADirectory
                        | ErrorKind::InvalidData
                ) =>
            {
                Kind::Usage
            }
            Self::Call { source, .. } if !is_machines(source) => Kind::Finding,
            Self::NotStarted(SpawnError::Agent(source)) if !is_machines(source) => Kind::Finding,
            Self::WrongReply { .. }
            | Self::Held { .. }
            | Self::Path(_)
            | Self::LeftBehind(_)
            | Self::TargetsMissed(_)
            | Self::Invalid { .. } => Kind::Finding,
            Self::NotJudged(_) => Kind::NotJudged,
            Self::Stored { kind, .. } => *kind,
            Self::Several(all) => all.iter().map(Self::kind).max().unwrap_or(Kind::Internal),
            _ => Kind::Internal,
        }
    }

    /// Names the part of a run that it ended, if it says only what became of a message.
    pub fn in_part(self, part: &str) -> Self {
        match self {
            Self::Path(why) if !part.is_empty() => Self::Path(format!("{part}: {why}")),
            other => other,
        }
    }

    /// Returns errors, of which there is at least one, as one; what several say is said once.
    pub fn of(mut errors: Vec<Self>) -> Self {
        let mut said = BTreeSet::new();
        errors.retain(|error| said.insert(error.to_string()));
        match errors.len() {
            1 => errors.remove(0),
            _ => Self::Several(errors),
        }
    }

    /// Says that the operating system starts something no further, and what to do.
    pub fn not_started(what: &str, source: &std::io::Error) -> Self {
        Self::Machine(format!("cannot start {what}: {}", why_not_started(source)))
    }

    /// Says that the operating system starts no further thread.
    pub fn thread(source: std::io::Error) -> Self {
        Self::not_started("a thread", &source)
    }

    /// Returns a function that wraps the operating system's error about a file.
    pub fn file(verb: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { verb, path, source: without_draft(source) }
    }
}

/// Returns what a word ends with that stands after a number.
const fn ending(number: usize) -> &'static str {
    if number == 1 { "" } else { "s" }
}

/// Takes the name of a draft, which nobody chose, out of what `tempfile` says of it.
fn without_draft(source: std::io::Error) -> std::io::Error {
    match source.to_string().split_once(" at path \"") {
        Some((reason, _)) => std::io::Error::new(source.kind(), reason.to_owned()),
        None => source,
    }
}

fn lines(errors: &[impl ToString]) -> String {
    let lines: Vec<_> = errors.iter().map(ToString::to_string).collect();
    lines.join("\nerror: ")
}

/// Returns whether the host failed, and not the agent.
fn is_machines(error: &CallError) -> bool {
    matches!(error.cause(), Some(Cause::Host(_) | Cause::ProcessEnded(_) | Cause::NoSlot(_)))
}

fn known_names(known: &[String]) -> String {
    match known {
        [] => ": build some with `sandlab build DIR`".to_owned(),
        names => format!("; there are {}", names.join(", ")),
    }
}

/// The lab's result, with [`Error`] unless another type is named.
pub type Result<T, E = Error> = std::result::Result<T, E>;
