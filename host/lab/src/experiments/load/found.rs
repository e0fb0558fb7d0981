//! The findings of a long load: counts at its rests.

use jiff::Timestamp;
use sandlab_runtime::messaging::Census;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The findings of a load.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "finding", rename_all = "kebab-case")]
pub enum Found {
    /// A process begins to load the agents, or resumes an interrupted load.
    Process(Process),
    /// A cycle of a sustained load is over, and no message is in flight.
    Cycle(Cycle),
}

/// One process of a load.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Process {
    /// The time at which its agents had started.
    #[schemars(with = "String")]
    pub started: Timestamp,
}

/// The state of a runtime at rest. Its counts begin anew with each process.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
pub struct Cycle {
    /// Messages that had been sent until then.
    pub messages: u64,
    /// Live bytes of the host's heap; null in a program whose allocator does not count.
    pub heap: Option<u64>,
    /// Live objects in the runtime, by kind.
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    pub census: Census,
}
