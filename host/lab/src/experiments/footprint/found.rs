//! The findings: memory and CPU of an agent.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The findings of a footprint.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "finding", rename_all = "kebab-case")]
pub enum Found {
    /// What one agent takes on average.
    #[serde(alias = "profiled")]
    Footprint(Footprint),
}

/// What one agent takes on average.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Footprint {
    /// Once it is there.
    pub created: Memory,
    /// After 1,000 messages more.
    pub processed: Memory,
    /// After its state was saved; none of an agent that has no `state`.
    pub saved: Option<Memory>,
    /// CPU while nothing is there, as a share of a core.
    pub idle: f64,
    /// CPU while all agents are there and nobody wants anything of them, the same.
    pub idle_with_agents: f64,
    /// CPU to start one, nanoseconds.
    pub start_ns: f64,
    /// CPU per message, the client's included, nanoseconds: the mean of the first 10,000.
    pub message_ns: f64,
}

/// What one agent takes, bytes, more than there was before.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Memory {
    /// Its share of the proportional set, of a child process all of it.
    pub resident: f64,
    /// Its linear memory.
    pub linear: f64,
    /// The host's heap, exactly as it was asked for; none in a program whose allocator does
    /// not count.
    pub heap: Option<f64>,
}
