//! The windows in which a budget must not burn too fast.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// The urgency of an alarm.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Some day soon: the budget will not last.
    Ticket,
    /// Now: a day's worth of errors is made in an hour or less.
    Page,
}

impl Severity {
    /// All of them, the most urgent first.
    pub const ALL: [Self; 2] = [Self::Page, Self::Ticket];

    /// Returns its name in files and alerts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ticket => "ticket",
            Self::Page => "page",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Two windows that have to burn at once: the long one shows that it matters, the short one that it
/// still goes on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    /// The smallest burn rate that is too much: 1 spends the budget exactly within the objective's
    /// window.
    pub factor: f64,
    /// The long window.
    pub long: Duration,
    /// The short window.
    pub short: Duration,
    /// The urgency of a burn in both of them.
    pub severity: Severity,
}

/// Returns the pairs of an objective's window: those of the SRE workbook's table 5-8 for 30 days,
/// and the same parts of another, to the millisecond.
pub fn pairs(window: Duration) -> [Pair; 3] {
    // Hours: 1 and 1/12 of 720, 6 and 1/2, 72 and 6.
    let part = |parts: u32| Duration::from_millis((window / parts).as_millis() as u64);
    let pair = |factor, long, short, severity| Pair {
        factor,
        long: part(long),
        short: part(short),
        severity,
    };
    [
        pair(14.4, 720, 8_640, Severity::Page),
        pair(6.0, 120, 1_440, Severity::Page),
        pair(1.0, 10, 120, Severity::Ticket),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thirty_days_have_the_windows_of_the_workbook() {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        let windows = pairs(minutes(30 * 24 * 60)).map(|pair| (pair.factor, pair.long, pair.short));
        assert_eq!(windows[0], (14.4, minutes(60), minutes(5)));
        assert_eq!(windows[1], (6.0, minutes(6 * 60), minutes(30)));
        assert_eq!(windows[2], (1.0, minutes(3 * 24 * 60), minutes(6 * 60)));
    }
}
