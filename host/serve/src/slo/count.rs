//! Counts of the messages that an objective is about, over snapshots.

use super::Objective;
use crate::{AgentFigures, Snapshot};
use std::collections::BTreeMap;
use std::time::Duration;

/// Messages that an objective is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// All of them.
    pub all: u64,
    /// Messages that violate the objective.
    pub bad: u64,
}

impl Count {
    /// Returns the messages of these figures that an objective is about.
    ///
    /// For an objective on answers, the bad messages are those that want an answer and got none.
    /// For one on latency, they are those above the threshold: a message whose sender timed out or
    /// went away was too slow as well, but one that failed or was refused does not count.
    pub(super) fn of(objective: &Objective, figures: &AgentFigures) -> Self {
        let AgentFigures { answered, failed, refused, latency, .. } = figures;
        let left = figures.timed_out.saturating_add(figures.abandoned);
        let Some(threshold) = objective.latency else {
            let failed: u64 = failed.values().sum();
            let bad = failed.saturating_add(*refused).saturating_add(left);
            return Self { all: answered.saturating_add(bad), bad };
        };
        let within = latency.bounds.iter().take_while(|bound| **bound <= threshold).count();
        let slow: u64 = latency.counts.iter().skip(within).sum();
        let all: u64 = latency.counts.iter().sum();
        Self { all: all.saturating_add(left), bad: slow.saturating_add(left) }
    }

    /// Returns the counts since `before`; a count that fell since then is 0.
    pub(super) fn since(self, before: Self) -> Self {
        Self { all: self.all.saturating_sub(before.all), bad: self.bad.saturating_sub(before.bad) }
    }

    fn plus(self, other: Self) -> Self {
        Self { all: self.all.saturating_add(other.all), bad: self.bad.saturating_add(other.bad) }
    }

    /// Returns true if it can be a later state of the same counters.
    fn follows(self, before: Self) -> bool {
        let good = |count: Self| count.all.saturating_sub(count.bad);
        self.all >= before.all && self.bad >= before.bad && good(self) >= good(before)
    }

    /// Returns how many times as fast as it may the budget burned; `None` without messages.
    pub(super) fn burn(self, budget: f64) -> Option<f64> {
        (self.all > 0).then(|| self.bad as f64 / self.all as f64 / budget)
    }

    /// Returns the burn that is beyond chance: less three standard deviations of the number of bad
    /// messages (Poisson's), so that one bad message of ten at night is no incident, while ten
    /// thousand hardly differ from [`Self::burn`].
    pub(super) fn sure_burn(self, budget: f64) -> Option<f64> {
        let bad = self.bad as f64;
        let sure = (bad - DEVIATIONS * bad.sqrt()).max(0.0);
        (self.all > 0).then(|| sure / self.all as f64 / budget)
    }
}

/// The standard deviations that are taken from the number of bad messages: chance alone reaches a
/// factor in about one of a thousand windows.
pub(super) const DEVIATIONS: f64 = 3.0;

/// Counts an objective's messages over snapshots, of a host whose counters may restart.
#[derive(Debug, Clone, Default)]
pub(super) struct Counter {
    uptime: Duration,
    seen: BTreeMap<String, Count>,
    total: Count,
}

impl Counter {
    /// Takes the next snapshot, and returns the counts since the first.
    pub(super) fn take(&mut self, objective: &Objective, snapshot: &Snapshot) -> Count {
        if snapshot.uptime < self.uptime {
            self.seen.clear();
        }
        self.uptime = snapshot.uptime;
        let is_meant = |name: &str| objective.agent.as_deref().is_none_or(|agent| agent == name);
        for (name, figures) in snapshot.agents.iter().filter(|(name, _)| is_meant(name)) {
            let now = Count::of(objective, figures);
            let before = self.seen.insert(name.clone(), now).unwrap_or_default();
            // An agent that was started anew counts from nothing.
            let more = if now.follows(before) { now.since(before) } else { now };
            self.total = self.total.plus(more);
        }
        self.total
    }

    /// Returns the counts since the first snapshot, and before it since the start.
    #[cfg(test)]
    pub(super) fn total(&self) -> Count {
        self.total
    }
}
