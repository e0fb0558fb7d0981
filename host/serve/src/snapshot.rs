//! What all agents of a host have done since it started, at one moment.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// The figures of all agents at one moment. Counts only grow, so what happened between two
/// snapshots is their difference.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Time since the host started, by its monotonic clock.
    pub uptime: Duration,
    /// The figures of each agent, by its name.
    pub agents: BTreeMap<String, AgentFigures>,
}

/// The figures of one agent, over all of its instances.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct AgentFigures {
    /// Messages that were answered.
    pub answered: u64,
    /// Messages that ended in a failure or a fault, by its kind.
    pub failed: BTreeMap<String, u64>,
    /// Messages that the agent's full mailbox, or a host about to stop, refused.
    pub refused: u64,
    /// Messages whose sender's timeout came before a reply.
    pub timed_out: u64,
    /// Times from a message's arrival to its reply, of the answered.
    pub latency: Latency,
    /// Messages that wait for a reply.
    pub in_flight: u64,
    /// Restarts after faults.
    pub restarts: u64,
    /// Linear memory of all instances, in bytes.
    pub linear_memory: u64,
}

/// Counted times, as a classic Prometheus histogram.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// The inclusive upper bounds of all buckets but the last, ascending.
    pub bounds: Vec<Duration>,
    /// The count of each bucket by itself, not cumulative: one more than bounds, the last of which
    /// has what is above all of them.
    pub counts: Vec<u64>,
    /// The sum of all times.
    pub sum: Duration,
}
