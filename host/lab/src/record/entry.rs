//! What a run consists of, in the order in which it is measured.

use super::{Environment, Measured, Noise};
use crate::experiments::record::{Finding, Part};
use crate::record::Window;
use crate::sampling::interleave::Settings;
use sandlab_runtime::SandboxConfig;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whatever is stored as soon as it is known.
#[derive(Debug, Clone)]
pub enum Entry {
    /// A part begins; the intervals and findings that follow belong to it.
    Part(Part),
    /// A stretch of time of an open loop is over.
    Window(Box<Window>),
    /// Something else was found out.
    Finding(Box<Finding>),
    /// A case begins, on its sides; the rounds that follow belong to it.
    Case(Case),
    /// A round of it is over: nanoseconds a message, of each side in their order.
    Round(Vec<f64>),
    /// What timing added to a message of it, nanoseconds, at most.
    Timing(f64),
    /// What else a reader must know.
    Note(String),
}

/// What a reader must know of the whole run, before anything is measured.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Begin {
    /// The command that measured it: `compare`, `quick`, `latency`, and so on.
    pub command: String,
    /// When it started, RFC 3339.
    pub started: String,
    /// Where it ran.
    pub environment: Environment,
    /// How cases were measured; none of a run that has none.
    pub settings: Option<Settings>,
    /// What the agents were allowed, as a sandbox config's fields.
    #[schemars(with = "std::collections::BTreeMap<String, serde_json::Value>")]
    pub sandbox: SandboxConfig,
    /// What was measured, and how it was built.
    pub agents: Vec<Measured>,
}

/// How the run ended.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct End {
    /// Whether it measured all that it was to.
    pub complete: bool,
    /// What else the machine did meanwhile.
    pub noise: Noise,
    /// What did not hold, so that it could not go on.
    pub failures: Vec<String>,
}

/// The same messages of an agent on several sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Which sides there are.
    pub of: Sides,
    /// Which agent.
    pub agent: String,
    /// The stated size of its messages, bytes; none for a workload from a file.
    pub size: Option<usize>,
    /// Their mean size, bytes.
    pub mean_bytes: u64,
    /// The sides, in the order of each round's numbers.
    pub sides: Vec<String>,
}

/// What the sides of a case are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sides {
    /// Backends.
    Backends,
    /// Rungs of the ladder.
    Ladder,
}
