//! The accounts of all messages.

use serde::{Deserialize, Serialize};
use std::ops::AddAssign;

/// How many messages came to which end. While none is in flight,
/// [`is_balanced`](Self::is_balanced) holds exactly.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accounts {
    /// Messages accepted from clients and from agents.
    pub accepted: u64,
    /// Messages that an agent handled.
    pub handled: u64,
    /// Messages that an agent answered with a failure, or during which it ended.
    pub failed: u64,
    /// Messages that reached no agent: unknown or stopped, its mailbox full, too many hops, or
    /// the runtime shut down.
    pub dead_lettered: u64,
    /// Messages in mailboxes, in running calls on fibers, or between shards.
    pub queued: u64,
    /// Of the dead-lettered messages, those refused by a full mailbox.
    pub refused: u64,
    /// Of the dead-lettered messages, those over the limit of hops.
    pub looped: u64,
    /// Replies sent to clients.
    pub replies: u64,
    /// Restarts of agents.
    pub restarts: u64,
    /// Agents that are alive, or wait for a restart.
    pub agents: u64,
}

impl Accounts {
    /// Returns whether no message is lost and none is counted twice.
    pub fn is_balanced(&self) -> bool {
        self.accepted == self.handled + self.failed + self.dead_lettered + self.queued
    }
}

impl AddAssign for Accounts {
    fn add_assign(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.handled += other.handled;
        self.failed += other.failed;
        self.dead_lettered += other.dead_lettered;
        self.queued += other.queued;
        self.refused += other.refused;
        self.looped += other.looped;
        self.replies += other.replies;
        self.restarts += other.restarts;
        self.agents += other.agents;
    }
}
