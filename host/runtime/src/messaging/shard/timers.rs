//! A shard's timers.

use super::Shard;
use super::slot::DeliveryMode;
use crate::AgentId;
use crate::messaging::address::Address;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

/// The step that a timer is set for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// Restart an agent that ended.
    Restart(AgentId),
    /// Check whether an agent's oldest message has waited for the timeout of its batches.
    Batch(AgentId),
}

/// Timers, the earliest one first.
#[derive(Debug, Default)]
pub struct Timers(BinaryHeap<Reverse<(Instant, Timer)>>);

impl Timers {
    pub fn at(&mut self, at: Instant, timer: Timer) {
        self.0.push(Reverse((at, timer)));
    }

    pub fn after(&mut self, wait: Duration, timer: Timer) {
        // A year stands for any wait that the clock cannot represent.
        const YEAR: Duration = Duration::from_secs(365 * 24 * 3_600);
        self.at(Instant::now() + wait.min(YEAR), timer);
    }

    /// Returns the time of the next timer; `None` if none is set.
    pub fn next(&self) -> Option<Instant> {
        self.0.peek().map(|Reverse((at, _))| *at)
    }

    fn take_due(&mut self) -> Option<(Instant, Timer)> {
        let at = self.next()?;
        let now = Instant::now();
        if at > now {
            return None;
        }
        let Reverse((_, timer)) = self.0.pop()?;
        Some((now, timer))
    }
}

impl Shard {
    /// Runs every timer that is due.
    pub(super) fn run_timers(&mut self) {
        while let Some((now, timer)) = self.timers.take_due() {
            match timer {
                Timer::Restart(agent) => self.restart(agent),
                Timer::Batch(agent) => self.check_batch(agent, now),
            }
        }
    }

    fn check_batch(&mut self, agent: AgentId, now: Instant) {
        let Some(resident) = self.resident(agent) else {
            return;
        };
        if let DeliveryMode::Batches(buffer) = &mut resident.delivery {
            buffer.check(now);
        }
        self.make_ready(Address::from(agent).slot);
    }
}
