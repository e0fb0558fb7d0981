//! The findings for one number of agents.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The findings of a number of agents.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "finding", rename_all = "kebab-case")]
pub enum Found {
    /// The resources of all agents of a step.
    #[serde(rename = "footprint")]
    Cost(Cost),
}

/// The resources of all agents of a step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cost {
    /// Time to start all of them, one after another, seconds.
    pub spawned_in: f64,
    /// Growth of resident memory from before the first start to after the first messages, bytes,
    /// without child processes. Null where the kernel does not say.
    pub resident: Option<u64>,
    /// Linear memory of all, bytes.
    pub linear_memory: u64,
}
