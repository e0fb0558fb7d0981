//! What lives on the path at a moment.

use serde::{Deserialize, Serialize};
use std::ops::AddAssign;

/// What there is on all shards. At rest, after the same load, it has to be the same.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Census {
    /// Agents that live, or wait to be started again.
    pub agents: u64,
    /// Calls on fibers that have not returned, and clients' work on shards.
    pub tasks: u64,
    /// Messages that wait.
    pub queued: u64,
    /// Linear memory of all agents whose backend knows it, bytes.
    pub linear_memory: u64,
}

impl AddAssign for Census {
    fn add_assign(&mut self, other: Self) {
        self.agents += other.agents;
        self.tasks += other.tasks;
        self.queued += other.queued;
        self.linear_memory += other.linear_memory;
    }
}
