//! The findings: memory and CPU of an agent.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The findings of a footprint.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "finding", rename_all = "kebab-case")]
pub enum Found {
    /// The average memory and CPU of one agent.
    #[serde(alias = "profiled")]
    Footprint(Footprint),
}

/// The average memory and CPU of one agent.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Footprint {
    /// Memory after it was created.
    pub created: Memory,
    /// Memory after 1,000 messages.
    pub processed: Memory,
    /// Memory after its state was saved; null for an agent that has no `state`.
    pub saved: Option<Memory>,
    /// CPU before any agent is created, as a share of one core.
    pub idle: f64,
    /// CPU while all agents exist and are idle, as a share of one core.
    pub idle_with_agents: f64,
    /// CPU to start one, nanoseconds.
    pub start_ns: f64,
    /// CPU per message, the client's included, nanoseconds: the mean of the first 10,000.
    pub message_ns: f64,
}

/// Memory of one agent, bytes, beyond what the process used before.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Memory {
    /// Its share of the proportional set size; for a child process, all of the child's.
    pub resident: f64,
    /// Its linear memory.
    pub linear: f64,
    /// Bytes that it requested of the host's heap; null in a program whose allocator does not
    /// count.
    pub heap: Option<f64>,
}
