//! What a shard looks at later.

use super::Shard;
use crate::AgentId;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

/// What is to be done when its time has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// Start an agent that ended.
    Restart(AgentId),
    /// Look whether what waits for an agent has waited for long enough.
    Batch(AgentId),
}

/// Timers, of which the first one to come is at hand.
#[derive(Debug, Default)]
pub(super) struct Timers(BinaryHeap<Reverse<(Instant, Timer)>>);

impl Timers {
    pub fn at(&mut self, at: Instant, timer: Timer) {
        self.0.push(Reverse((at, timer)));
    }

    pub fn after(&mut self, wait: Duration, timer: Timer) {
        // A wait that no clock can tell is as good as a year.
        const YEAR: Duration = Duration::from_secs(365 * 24 * 3_600);
        self.at(Instant::now() + wait.min(YEAR), timer);
    }

    /// When the next one comes.
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
    /// Does everything whose time has come.
    pub(super) fn run_timers(&mut self) {
        while let Some((now, timer)) = self.timers.take_due() {
            match timer {
                Timer::Restart(agent) => self.restart(agent),
                Timer::Batch(agent) => self.look_at_batch(agent, now),
            }
        }
    }
}
