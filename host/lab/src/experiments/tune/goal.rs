//! Goals of tuning, and their measures.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A user's goal, by which effects are weighed against each other.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum Goal {
    /// Messages that take little time, one after another.
    Latency,
    /// Many messages per second, on all cores at once.
    Throughput,
    /// Instances that start fast.
    Spawn,
    /// Many agents on this machine.
    Density,
    /// Components that compile fast.
    BuildTime,
}

/// A measure of a setting. Lower is better, except for [`Agents`](Self::Agents).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// Time per message, one after another.
    Message,
    /// Time per message where every core has an instance, and all are busy.
    AllCores,
    /// Time to start an instance, have its first reply, and end it.
    Start,
    /// Resident memory of one agent.
    Memory,
    /// Agents that fit on this machine.
    Agents,
    /// Time to compile and link, without a cache.
    Compile,
    /// Size of the compiled component.
    Code,
}

impl Goal {
    /// All goals, in the order that reports have.
    pub const ALL: [Self; 5] =
        [Self::Latency, Self::Throughput, Self::Spawn, Self::Density, Self::BuildTime];

    /// Returns the measure of the goal.
    pub fn measure(self) -> Measure {
        match self {
            Self::Latency => Measure::Message,
            Self::Throughput => Measure::AllCores,
            Self::Spawn => Measure::Start,
            Self::Density => Measure::Agents,
            Self::BuildTime => Measure::Compile,
        }
    }

    /// Returns its name, as on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Latency => "latency",
            Self::Throughput => "throughput",
            Self::Spawn => "spawn",
            Self::Density => "density",
            Self::BuildTime => "build-time",
        }
    }
}

impl Measure {
    /// All of them, in the order that tables have.
    pub const ALL: [Self; 7] = [
        Self::Message,
        Self::AllCores,
        Self::Start,
        Self::Memory,
        Self::Agents,
        Self::Compile,
        Self::Code,
    ];

    /// Returns its key in files.
    pub fn key(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::AllCores => "all-cores",
            Self::Start => "start",
            Self::Memory => "memory",
            Self::Agents => "agents",
            Self::Compile => "compile",
            Self::Code => "code",
        }
    }

    /// Returns the title for reports.
    pub fn title(self) -> &'static str {
        match self {
            Self::Message => "time/msg",
            Self::AllCores => "all cores",
            Self::Start => "start",
            Self::Memory => "RSS/agent",
            Self::Agents => "agents",
            Self::Compile => "compile",
            Self::Code => "code",
        }
    }

    /// Returns whether more is better. Costs are compared, so that of agents it is the share of the
    /// machine that one takes.
    pub fn is_more_better(self) -> bool {
        self == Self::Agents
    }
}
