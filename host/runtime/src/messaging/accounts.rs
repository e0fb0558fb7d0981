//! Every message is accounted for.

use serde::{Deserialize, Serialize};
use std::ops::AddAssign;

/// What became of all messages. At rest, [`balanced`](Self::is_balanced) holds exactly.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accounts {
    /// Messages that the path took, from clients and from agents.
    pub accepted: u64,
    /// Messages that an agent handled.
    pub handled: u64,
    /// Messages that an agent answered with a failure, or that it ended with.
    pub failed: u64,
    /// Messages that could not be delivered: no such agent, a stopped one, a full
    /// mailbox, too many hops, the end of the runtime.
    pub dead_lettered: u64,
    /// Messages that wait.
    pub queued: u64,
    /// Of the dead-lettered ones, those that found a mailbox full.
    pub refused: u64,
    /// Of the dead-lettered ones, those that had gone too many hops.
    pub looped: u64,
    /// Replies that went to clients.
    pub replies: u64,
    /// Agents that were started again.
    pub restarts: u64,
    /// Agents that live, or wait to be started again.
    pub agents: u64,
}

impl Accounts {
    /// Whether no message is lost and none is counted twice.
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
