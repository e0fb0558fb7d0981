//! Counts of live objects at one moment, of all agents and of each.

use super::Accounts;
use crate::{AgentId, Usage};
use serde::{Deserialize, Serialize};
use std::ops::AddAssign;

/// Live objects on all shards. After equal loads, and at rest, two censuses must be equal: a
/// difference is a leak.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Census {
    /// Agents that are alive, or wait for a restart.
    pub agents: u64,
    /// Calls on fibers that have not returned, and clients' futures on shards.
    pub tasks: u64,
    /// Messages in mailboxes, in running calls on fibers, or between shards.
    pub queued: u64,
    /// Linear memory of all idle agents whose backend reports it, bytes.
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

/// The agents and accounts of a shard at one moment.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Roster {
    /// Its agents.
    pub residents: Vec<Residence>,
    /// The accounts of its messages.
    pub accounts: Accounts,
}

/// One agent at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Residence {
    /// The agent.
    pub agent: AgentId,
    /// Messages in its mailbox, and pushed back before it.
    pub queued: u64,
    /// Messages in its running call on a fiber.
    pub calling: u64,
    /// Its restarts so far.
    pub restarts: u64,
    /// The resources that its instance has used. All `None` while a call on a fiber runs, or while
    /// the agent waits for a restart.
    pub usage: Usage,
}
