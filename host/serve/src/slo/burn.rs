//! Burn rates of budgets, and the alarms that they raise.

use super::count::Counter;
use super::history::History;
use super::{Objective, Pair, Severity, pairs};
use crate::Snapshot;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The part of a factor below which the burn has to fall until an alarm is over. One that hovers
/// about the factor would otherwise come and go with every snapshot.
const CLEAR: f64 = 0.8;

/// Evaluates objectives over the snapshots of a host, in memory that does not grow.
#[derive(Debug, Clone)]
pub struct Evaluator {
    tracks: Vec<Track>,
}

/// The state of one objective.
#[derive(Debug, Clone)]
struct Track {
    objective: Objective,
    pairs: [Pair; 3],
    counter: Counter,
    history: History,
    /// The alarms that are on, and since when.
    since: [Option<Duration>; Severity::ALL.len()],
}

/// An alarm that began or ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The standing of the objective after the change.
    pub standing: Standing,
    /// The urgency, a page or a ticket.
    pub severity: Severity,
    /// The time at which the alarm began.
    pub since: Duration,
    /// Whether the alarm goes on; false if it has ended now.
    pub fires: bool,
    /// The burn of the fastest windows that is beyond its factor; of the fastest if none is.
    pub burn: Burn,
}

/// The standing of an objective: its burns, and the budget that is left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Standing {
    /// The objective's name.
    pub objective: String,
    /// The agent that it is about; `None` if all.
    pub agent: Option<String>,
    /// The share of the budget of its window that is left; negative if more was spent than there
    /// was, `None` without messages.
    pub budget_left: Option<f64>,
    /// The burn in each pair of windows, the fastest first.
    pub burns: Vec<Burn>,
    /// The most urgent alarm that is on; `None` if none is.
    pub alarm: Option<Severity>,
}

/// The burn rate of a budget in a pair of windows: 1 spends it exactly within the objective's
/// window.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Burn {
    /// The burn that is too much in both of the windows.
    pub factor: f64,
    /// The length of the long window.
    #[serde(with = "humantime_serde")]
    pub long_window: Duration,
    /// The burn in the long window; `None` without messages.
    pub long: Option<f64>,
    /// The length of the short window.
    #[serde(with = "humantime_serde")]
    pub short_window: Duration,
    /// The burn in the short window; `None` without messages.
    pub short: Option<f64>,
    /// The part of the long window's burn that is beyond chance.
    #[serde(skip)]
    sure: Option<f64>,
}

impl Evaluator {
    /// Creates an evaluator of these objectives, which have been [checked](super::check).
    pub fn new(objectives: impl IntoIterator<Item = Objective>) -> Self {
        Self { tracks: objectives.into_iter().map(Track::new).collect() }
    }

    /// Evaluates a snapshot at this time of any monotonic clock, and returns the alarms that begin
    /// or end with it. Snapshots may be missing. One that is not later than the last one is
    /// ignored.
    pub fn take(&mut self, at: Duration, snapshot: &Snapshot) -> Vec<Change> {
        self.tracks.iter_mut().flat_map(|track| track.take(at, snapshot)).collect()
    }

    /// Returns how the objectives stand, in their order.
    pub fn standings(&self) -> Vec<Standing> {
        self.tracks.iter().map(Track::standing).collect()
    }

    /// Returns the objectives, in their order.
    pub fn objectives(&self) -> impl Iterator<Item = &Objective> {
        self.tracks.iter().map(|track| &track.objective)
    }
}

impl Track {
    fn new(objective: Objective) -> Self {
        let pairs = pairs(objective.window);
        let windows = pairs.iter().flat_map(|pair| [pair.long, pair.short]);
        Self {
            history: History::new(windows.chain([objective.window])),
            counter: Counter::default(),
            since: Default::default(),
            pairs,
            objective,
        }
    }

    fn take(&mut self, at: Duration, snapshot: &Snapshot) -> Vec<Change> {
        if self.history.last().is_some_and(|last| at <= last) {
            return Vec::new();
        }
        let count = self.counter.take(&self.objective, snapshot);
        self.history.push(at, count);
        let burns = self.burns();
        let mut changes = Vec::new();
        for (place, severity) in Severity::ALL.into_iter().enumerate() {
            let of = |burn: &&(Burn, Severity)| burn.1 == severity;
            let mut own = burns.iter().filter(of).map(|(burn, _)| burn);
            let before = self.since[place];
            self.since[place] = match before {
                None => own.clone().any(Burn::is_too_fast).then_some(at),
                Some(since) => own.clone().any(Burn::is_still_fast).then_some(since),
            };
            let now = self.since[place];
            if let (Some(since), true) = (before.or(now), before != now)
                && let Some(burn) = own.clone().find(|burn| burn.is_too_fast()).or(own.next())
            {
                changes.push((severity, since, now.is_some(), *burn));
            }
        }
        let standing = (!changes.is_empty()).then(|| self.standing());
        let changes = standing.into_iter().flat_map(|standing| {
            changes.iter().map(move |(severity, since, fires, burn)| Change {
                standing: standing.clone(),
                severity: *severity,
                since: *since,
                fires: *fires,
                burn: *burn,
            })
        });
        changes.collect()
    }

    fn burns(&self) -> [(Burn, Severity); 3] {
        let budget = self.objective.objective.budget();
        self.pairs.map(|pair| {
            let long = self.history.within(pair.long);
            let burn = Burn {
                factor: pair.factor,
                long_window: pair.long,
                long: long.burn(budget),
                short_window: pair.short,
                short: self.history.within(pair.short).burn(budget),
                sure: long.sure_burn(budget),
            };
            (burn, pair.severity)
        })
    }

    fn standing(&self) -> Standing {
        let spent = self.history.within(self.objective.window);
        let alarms = Severity::ALL.into_iter().zip(self.since);
        Standing {
            objective: self.objective.name.clone(),
            agent: self.objective.agent.clone(),
            budget_left: spent.burn(self.objective.objective.budget()).map(|burn| 1.0 - burn),
            burns: self.burns().into_iter().map(|(burn, _)| burn).collect(),
            alarm: alarms.filter(|(_, since)| since.is_some()).map(|(alarm, _)| alarm).max(),
        }
    }
}

impl Burn {
    fn is_too_fast(&self) -> bool {
        let reaches = |burn: Option<f64>| burn.is_some_and(|burn| burn >= self.factor);
        reaches(self.sure) && reaches(self.short)
    }

    /// Returns true if the burn goes on. Without messages in the short window that is unknown, as
    /// after all clients have left: then it is over when the long window has no bad messages
    /// either.
    fn is_still_fast(&self) -> bool {
        let reaches = |burn: f64| burn >= CLEAR * self.factor;
        self.long.is_some_and(reaches) && self.short.is_none_or(reaches)
    }
}

#[cfg(test)]
mod tests;
