//! The findings: the time of a start, by method and phase.

use super::clock::Clock;
use crate::record::Disturbance;
use crate::stats::Distribution;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The findings of a spawn.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "finding", rename_all = "kebab-case")]
pub enum Found {
    /// The times of one method.
    #[serde(alias = "started")]
    Spawned(Spawned),
    /// The blocks of rounds.
    Blocks {
        /// Each of them, in order.
        blocks: Vec<Taken>,
    },
}

/// A block of rounds that was taken.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
pub struct Taken {
    /// The disturbance that makes the block invalid; null if it counts.
    pub invalid: Option<Disturbance>,
}

/// A way to start an agent.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// The component is compiled first.
    Cold,
    /// The compiled component is read from the cache first.
    Cached,
    /// The component is linked; the kernel maps the instance's memory.
    OnDemand,
    /// The component is linked; a pool has the instance's memory mapped.
    Pooled,
    /// As pooled, on all cores at once.
    PooledConcurrent,
    /// As pooled, many one after another that all stay.
    PooledMany,
    /// Through the message path, with its mailbox and supervisor, awaited from another thread.
    Managed,
    /// As managed, many at once on one shard; the time of one of them.
    ManagedMany,
    /// The native twin, with no isolation.
    Native,
    /// A plain thread that answers one message.
    Thread,
    /// The twin in a child process.
    Process,
}

/// A part of a start.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// From the component to machine code.
    Compile,
    /// From the cache's file to machine code.
    Deserialise,
    /// Imports and exports are found.
    Link,
    /// The store is made, with its limits and grants.
    Store,
    /// The instance comes up.
    Instantiate,
    /// All of the above, where a method does not show them apart.
    Start,
    /// It takes its configuration.
    Configure,
    /// Its first message is answered.
    FirstReply,
    /// It ends, and releases its resources.
    Drop,
    /// From the first phase to the first reply.
    ToFirstReply,
}

/// The times of one method, over all rounds.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Spawned {
    /// The method: one by one, in bulk, and so on.
    #[serde(alias = "way")]
    pub method: Method,
    /// Its phases, in order.
    pub phases: Vec<(Phase, Distribution)>,
    /// The median time to the first reply in each block of rounds that counts, in order,
    /// nanoseconds.
    #[serde(default)]
    pub medians: Vec<f64>,
}

impl Spawned {
    /// Returns a method that has not been timed yet.
    pub(super) fn new(method: Method) -> Self {
        Self { method, phases: Vec::new(), medians: Vec::new() }
    }

    /// Adds the phases of one round.
    pub(super) fn add(&mut self, clocks: &[Clock]) {
        for (phase, ns) in clocks.iter().flat_map(|clock| &clock.phases) {
            let known = self.phases.iter().position(|(known, _)| known == phase);
            let at = known.unwrap_or_else(|| {
                self.phases.push((*phase, Distribution::default()));
                self.phases.len() - 1
            });
            self.phases[at].1.record(ns.round() as u64);
        }
    }

    /// Returns how long a phase took; `None` if the method has no such phase.
    pub fn phase(&self, wanted: Phase) -> Option<&Distribution> {
        let found = self.phases.iter().find(|(phase, _)| *phase == wanted);
        found.map(|(_, distribution)| distribution)
    }
}
