//! Quantities: the catalogue's entries, with their units and directions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A measurable quantity. Two quantities with the same key are the same.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Quantity {
    /// The name in files and on the command line, in kebab case.
    pub key: &'static str,
    /// The name that a person reads, also as a column's title.
    pub title: &'static str,
    /// The unit of its values.
    pub unit: Unit,
    /// The direction in which values get better.
    pub better: Direction,
    /// The section of a report that shows it.
    pub topic: Topic,
    /// Its meaning, in a sentence.
    #[serde(serialize_with = "trimmed")]
    pub meaning: &'static str,
}

/// Writes a meaning without the space that begins a doc comment.
fn trimmed<S: serde::Serializer>(meaning: &str, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(meaning.trim())
}

/// The unit of a quantity's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Nanoseconds.
    Nanoseconds,
    /// Events per second.
    PerSecond,
    /// Bytes.
    Bytes,
    /// A quotient of two values of the same unit.
    Ratio,
    /// A share of a whole, from 0 to 1; of CPU, of one core.
    Share,
    /// A count.
    Count,
}

/// The direction in which the values of a quantity get better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Lower values.
    Lower,
    /// Higher values.
    Higher,
}

impl Direction {
    /// Returns 1 if lower values are better and -1 if higher ones are: a change times this
    /// sign is positive where it is worse.
    pub fn sign(self) -> f64 {
        match self {
            Self::Lower => 1.0,
            Self::Higher => -1.0,
        }
    }

    /// Returns whether a value is at least as good as a bound.
    pub fn reaches(self, value: f64, bound: f64) -> bool {
        match self {
            Self::Lower => value <= bound,
            Self::Higher => value >= bound,
        }
    }
}

impl Unit {
    /// All units.
    pub const ALL: [Self; 6] =
        [Self::Nanoseconds, Self::PerSecond, Self::Bytes, Self::Ratio, Self::Share, Self::Count];

    /// Returns the unit as it is written after a number; empty for a count.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Nanoseconds => "ns",
            Self::PerSecond => "1/s",
            Self::Bytes => "bytes",
            Self::Ratio => "ratio",
            Self::Share => "share",
            Self::Count => "",
        }
    }

    /// Returns the unit's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nanoseconds => "nanoseconds",
            Self::PerSecond => "per second",
            Self::Bytes => "bytes",
            Self::Ratio => "ratio",
            Self::Share => "share",
            Self::Count => "count",
        }
    }

    /// Returns the suffix that names the unit in the header of a CSV file.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Nanoseconds => "_ns",
            Self::PerSecond => "_per_second",
            Self::Bytes => "_bytes",
            Self::Ratio => "_ratio",
            Self::Share => "_share",
            Self::Count => "",
        }
    }
}

/// The sections of a report, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Topic {
    /// Cost of the sandbox relative to native.
    Overhead,
    /// Messages per second.
    Throughput,
    /// Times of messages at a rate.
    Latency,
    /// Memory and CPU.
    Resources,
    /// Starts.
    Spawn,
    /// Behaviour at memory limits.
    MemoryLimits,
    /// Number of agents that a machine holds.
    Density,
    /// Effects of the engine's settings.
    Tuning,
    /// Cost of more agents and cores.
    Scaling,
    /// Peaks, bursts, long loads and faults.
    Load,
    /// Builds against each other.
    Gate,
    /// Untrusted guests.
    Isolation,
    /// Checks of a build against a policy.
    Validation,
}

impl Topic {
    /// All topics, in the order that reports have.
    pub const ALL: [Self; 13] = [
        Self::Overhead,
        Self::Throughput,
        Self::Latency,
        Self::Resources,
        Self::Spawn,
        Self::MemoryLimits,
        Self::Density,
        Self::Tuning,
        Self::Scaling,
        Self::Load,
        Self::Gate,
        Self::Isolation,
        Self::Validation,
    ];

    /// Returns the heading of the section.
    pub fn name(self) -> &'static str {
        match self {
            Self::Overhead => "Overhead",
            Self::Throughput => "Throughput",
            Self::Latency => "Latency",
            Self::Resources => "Resource Usage",
            Self::Spawn => "Spawn",
            Self::MemoryLimits => "Memory Limits",
            Self::Density => "Density",
            Self::Tuning => "Tuning",
            Self::Scaling => "Scaling",
            Self::Load => "Load",
            Self::Gate => "Gate",
            Self::Isolation => "Isolation",
            Self::Validation => "Validation",
        }
    }
}

/// Defines quantities, and the list of them:
///
/// ```ignore
/// quantities! {
///     /// CPU time per second that agents take while nothing is sent to them.
///     IDLE_CPU = "idle-cpu", "CPU while idle", Share, Lower, Resources;
/// }
/// ```
///
/// The comment is the meaning that `docs/metrics.md` prints.
macro_rules! quantities {
    ($( $(#[doc = $meaning:literal])+ $name:ident = $key:literal, $title:literal, $unit:ident, $better:ident, $topic:ident; )+) => {
        $(
            $(#[doc = $meaning])+
            pub static $name: $crate::metrics::Quantity = $crate::metrics::Quantity {
                key: $key,
                title: $title,
                unit: $crate::metrics::Unit::$unit,
                better: $crate::metrics::Direction::$better,
                topic: $crate::metrics::Topic::$topic,
                meaning: concat!($($meaning),+),
            };
        )+
        /// The quantities that are defined here.
        pub static QUANTITIES: &[&$crate::metrics::Quantity] = &[$(&$name),+];
    };
}
pub(crate) use quantities;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_direction_says_what_reaches_a_bound_and_what_is_worse() {
        assert!(Direction::Lower.reaches(1.0, 1.0) && !Direction::Lower.reaches(1.1, 1.0));
        assert!(Direction::Higher.reaches(1.0, 1.0) && !Direction::Higher.reaches(0.9, 1.0));
        assert!(0.1 * Direction::Lower.sign() > 0.0 && 0.1 * Direction::Higher.sign() < 0.0);
    }
}
