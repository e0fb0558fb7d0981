//! Alerts, as destinations get them.

use crate::slo::{Burn, Change, Objective, Severity};
use jiff::Timestamp;
use serde::Serialize;
use std::time::Duration;

/// An alert, as a webhook, a file and a command get it: JSON.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Alert {
    /// The beginning or the end of the alarm.
    pub state: State,
    /// The objective's name.
    pub objective: String,
    /// The agent that it is about; null if all.
    pub agent: Option<String>,
    /// The urgency, a page or a ticket.
    pub severity: Severity,
    /// The time at which it began.
    pub started: Timestamp,
    /// The time at which it ended; null while it goes on.
    pub ended: Option<Timestamp>,
    /// The event, in a sentence.
    pub summary: String,
    /// The remedy: the objective's runbook, and the commands that show more.
    pub runbook: String,
    /// The burn of the fastest windows that is beyond its factor.
    pub burn: Burn,
    /// The share of the objective's budget that is left; null if it is not known.
    pub budget_left: Option<f64>,
    /// The objective, in words.
    #[serde(skip)]
    pub(super) told: String,
}

/// The beginning or the end of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It has begun.
    Firing,
    /// It is over.
    Resolved,
}

impl State {
    /// Returns its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::Resolved => "resolved",
        }
    }
}

impl Alert {
    /// Returns the alert of a change of an objective, whose alarm has been on for this time at
    /// `now`.
    pub fn of(objective: &Objective, change: &Change, now: Timestamp, on: Duration) -> Self {
        let burn = change.burn;
        let told = objective.told();
        let summary = match change.fires {
            true => format!(
                "{told}: the error budget burns {} and {}{}",
                fast(burn.long, burn.long_window),
                fast(burn.short, burn.short_window),
                left(change.standing.budget_left),
            ),
            false => format!("{told}: the error budget no longer burns too fast"),
        };
        Self {
            state: if change.fires { State::Firing } else { State::Resolved },
            objective: objective.name.clone(),
            agent: objective.agent.clone(),
            severity: change.severity,
            started: now.checked_sub(jiff_span(on)).unwrap_or(now),
            ended: (!change.fires).then_some(now),
            summary,
            runbook: objective.advice(),
            burn,
            budget_left: change.standing.budget_left,
            told,
        }
    }

    /// Returns the end of an alert that is on while its host stops.
    pub(super) fn unwatched(&self, now: Timestamp) -> Self {
        let told = &self.told;
        Self {
            state: State::Resolved,
            ended: Some(now),
            summary: format!(
                "{told}: the host has stopped; the next one tells of it anew if need be"
            ),
            ..self.clone()
        }
    }

    /// Returns true if the other alert has the same objective and urgency, and may be another state
    /// of it.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.objective == other.objective && self.severity == other.severity
    }
}

fn jiff_span(duration: Duration) -> jiff::SignedDuration {
    jiff::SignedDuration::try_from(duration).unwrap_or(jiff::SignedDuration::MAX)
}

/// `32.0 times as fast as it may over 1h`
fn fast(burn: Option<f64>, window: Duration) -> String {
    let burn = burn.unwrap_or_default();
    format!("{burn:.1} times as fast as it may over {}", humantime::format_duration(window))
}

fn left(share: Option<f64>) -> String {
    match share {
        Some(share) if share <= 0.0 => "; it is spent".to_owned(),
        Some(share) => format!("; {:.0} % of it are left", share * 100.0),
        None => String::new(),
    }
}

#[cfg(test)]
impl Alert {
    /// Returns a page that has begun.
    pub(super) fn example() -> Self {
        let objective = "[[objective]]\nname = 'fast'\nobjective = '99 %'";
        let config: crate::Config = toml::from_str(objective).unwrap();
        let objective = &config.objectives[0];
        let standing = crate::slo::Evaluator::new(config.objectives.clone()).standings().remove(0);
        let burn = standing.burns[0];
        let (severity, since) = (Severity::Page, Duration::ZERO);
        let change = Change { standing, severity, since, fires: true, burn };
        Self::of(objective, &change, Timestamp::UNIX_EPOCH, Duration::ZERO)
    }
}
