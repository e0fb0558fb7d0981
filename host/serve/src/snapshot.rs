//! Snapshots: the figures of all agents of a host since it started, at one moment.

use crate::nats::ConnectionFigures;
use crate::otlp::OtlpFigures;
use crate::slo::Standing;
use sandlab_runtime::messaging::Accounts;
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
    /// The accounts of all messages, also of those between agents.
    #[serde(default)]
    pub accounts: Accounts,
    /// Memory and CPU of the process, and the use of its pools.
    #[serde(default)]
    pub process: ProcessFigures,
    /// The figures of the connections to NATS; `None` if the host has none.
    #[serde(default)]
    pub nats: Option<ConnectionFigures>,
    /// The counts of what was pushed to the OpenTelemetry collector; `None` if the host has none.
    #[serde(default)]
    pub otlp: Option<OtlpFigures>,
    /// The standings of the objectives at the monitor's last look; empty without a monitor.
    #[serde(default)]
    pub objectives: Vec<Standing>,
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
    /// Messages whose sender went away before a reply.
    #[serde(default)]
    pub abandoned: u64,
    /// Messages that were accepted and whose sender waits for no reply.
    #[serde(default)]
    pub told: u64,
    /// Times from a message's arrival to its reply, of the answered.
    pub latency: Latency,
    /// Messages that wait for a reply.
    pub in_flight: u64,
    /// Messages in mailboxes and in calls, also from other agents.
    #[serde(default)]
    pub queued: u64,
    /// Restarts after faults.
    pub restarts: u64,
    /// Instances that should be alive.
    #[serde(default)]
    pub wanted: u64,
    /// Instances that are alive, or wait for a restart.
    #[serde(default)]
    pub instances: u64,
    /// Linear memory of all instances, in bytes.
    pub linear_memory: u64,
    /// Fuel of the last calls of all instances. `None` without metering.
    #[serde(default)]
    pub fuel: Option<u64>,
}

/// Memory and CPU of the process, and the use of its pools.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ProcessFigures {
    /// Resident memory, in bytes. `None` where the kernel does not tell.
    pub resident_memory: Option<u64>,
    /// CPU time of all threads so far. `None` where the kernel does not tell.
    pub cpu: Option<Duration>,
    /// Linear memories that instances have of the pools.
    pub pool_slots_used: u64,
    /// Linear memories that the pools have.
    pub pool_slots: u64,
    /// Components that were taken from the cache.
    pub cache_hits: u64,
    /// Components that were compiled.
    pub cache_misses: u64,
}

/// Counted times, as a classic Prometheus histogram.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// The inclusive upper bounds of all buckets but the last, ascending.
    pub bounds: Vec<Duration>,
    /// The count of each bucket, not cumulative: one bucket more than bounds, the last for values
    /// above all of them.
    pub counts: Vec<u64>,
    /// The sum of all times.
    pub sum: Duration,
}
