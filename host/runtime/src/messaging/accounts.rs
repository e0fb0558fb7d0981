//! The accounts of all messages.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::iter::Sum;
use std::ops::AddAssign;

/// Numbers of messages by their outcome. While none is in flight,
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
    /// Messages that were given to the carrier to another host, whose accounts go on with them.
    #[serde(default)]
    pub carried: u64,
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
        let ended = self.handled + self.failed + self.dead_lettered + self.carried;
        self.accepted == ended + self.queued
    }
}

/// As a sum: "5 accepted = 2 handled + 1 failed + 1 dead-lettered + 1 queued; 3 agents".
impl fmt::Display for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.is_balanced() { '=' } else { '≠' };
        let Self { accepted, handled, failed, dead_lettered, carried, queued, agents, .. } = self;
        write!(f, "{accepted} accepted {sign} {handled} handled + {failed} failed + ")?;
        write!(f, "{dead_lettered} dead-lettered + ")?;
        if *carried > 0 {
            write!(f, "{carried} carried + ")?;
        }
        write!(f, "{queued} queued; {agents} agents")
    }
}

impl AddAssign for Accounts {
    fn add_assign(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.handled += other.handled;
        self.failed += other.failed;
        self.dead_lettered += other.dead_lettered;
        self.carried += other.carried;
        self.queued += other.queued;
        self.refused += other.refused;
        self.looped += other.looped;
        self.replies += other.replies;
        self.restarts += other.restarts;
        self.agents += other.agents;
    }
}

impl Sum for Accounts {
    fn sum<I: Iterator<Item = Self>>(accounts: I) -> Self {
        accounts.fold(Self::default(), |mut sum, one| {
            sum += one;
            sum
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_message_shows_as_a_sum_that_does_not_hold() {
        let mut accounts = Accounts {
            accepted: 3,
            handled: 1,
            failed: 1,
            queued: 1,
            agents: 2,
            ..Accounts::default()
        };
        let sum = "1 handled + 1 failed + 0 dead-lettered + 1 queued; 2 agents";
        assert_eq!(accounts.to_string(), format!("3 accepted = {sum}"));
        accounts.accepted = 4;
        assert!(!accounts.is_balanced());
        accounts.carried = 1;
        assert!(accounts.is_balanced() && accounts.to_string().contains("1 carried"));
        accounts.carried = 0;
        assert_eq!(accounts.to_string(), format!("4 accepted ≠ {sum}"));
    }
}
