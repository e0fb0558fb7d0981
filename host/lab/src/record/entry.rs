//! The entries of a run, in the order in which they are measured.

use super::{Environment, Finding, MeasuredAgent, Noise, Part, Round, RoundSettings, Window};
use crate::Kind;
use sandlab_runtime::SandboxConfig;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whatever is stored as soon as it is known.
#[derive(Debug, Clone)]
pub enum Entry {
    /// A part begins; all that follows up to the next part belongs to it.
    Part(Box<Part>),
    /// A window of an open loop is over.
    Window(Box<Window>),
    /// Something was found out.
    Finding(Finding),
    /// An interleaved round is over.
    Round(Round),
    /// The most that timing added to a message of the part, nanoseconds.
    Timing(f64),
    /// A sentence that a reader of the whole run must know.
    Note(String),
}

/// The conditions of a run, which are known before anything is measured.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Begin {
    /// The command that measured it: `compare`, `quick`, `latency`, and so on.
    pub command: String,
    /// Whether the command fails if a result misses its target.
    #[serde(default)]
    pub judges: bool,
    /// The words of the command line without the program, by which a run is resumed. Empty in runs
    /// of earlier versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<String>,
    /// The time of its start, RFC 3339.
    pub started: String,
    /// The machine, and the versions that ran on it.
    pub environment: Environment,
    /// Settings of the interleaved rounds; null if there are none.
    pub settings: Option<RoundSettings>,
    /// Limits and grants of the sandbox.
    #[schemars(with = "std::collections::BTreeMap<String, serde_json::Value>")]
    pub sandbox: SandboxConfig,
    /// The agents, and how they were built.
    pub agents: Vec<MeasuredAgent>,
}

/// The end of a run: its time and outcome.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct End {
    /// Whether it measured all that was planned.
    pub complete: bool,
    /// Disturbances by other processes and guests during the run.
    pub noise: Noise,
    /// Errors that ended a part of it.
    pub failures: Vec<String>,
    /// The party that has to act on the failures; null if there are none.
    #[serde(default)]
    pub failed_as: Option<Kind>,
}
