//! The identity of any metric: one of sandlab's catalogue, or one that another program reports.

use super::{Direction, Metric, Quantity, Unit};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The name, unit and direction of a metric. Two metrics of one name are compared only if the
/// other two are the same as well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Identity {
    /// The name that a policy matches: `time/1024`, or a metric's whole key.
    pub name: String,
    /// The unit as text, `ns` or `bytes`; empty for a plain number.
    pub unit: String,
    /// The direction in which values get better.
    pub better: Direction,
}

impl Identity {
    /// Returns the identity of a quantity that is measured under this name.
    pub fn of(quantity: &Quantity, name: impl Into<String>) -> Self {
        Self { name: name.into(), unit: quantity.unit.symbol().to_owned(), better: quantity.better }
    }

    /// Returns the unit, if it is one of the catalogue's.
    pub fn known_unit(&self) -> Option<Unit> {
        Unit::ALL.into_iter().find(|unit| unit.symbol() == self.unit)
    }
}

impl From<&Metric> for Identity {
    fn from(metric: &Metric) -> Self {
        Self::of(metric.quantity, metric.key())
    }
}

/// `latency (in ns, lower is better)`
impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit.as_str() {
            "" => "without a unit".to_owned(),
            unit => format!("in {unit}"),
        };
        let better = match self.better {
            Direction::Lower => "lower",
            Direction::Higher => "higher",
        };
        write!(f, "{} ({unit}, {better} is better)", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Labels, shared};

    #[test]
    fn a_metric_of_the_catalogue_and_a_foreign_one_have_the_same_kind_of_identity() {
        let metric = Metric::single(&shared::THROUGHPUT, Labels::new().with("agent", "echo"), 1.0);
        let identity = Identity::from(&metric);
        assert_eq!(identity.to_string(), "throughput{agent=echo} (in 1/s, higher is better)");
        assert_eq!(identity.known_unit(), Some(Unit::PerSecond));
        let foreign = Identity { unit: "µs".to_owned(), ..identity };
        assert_eq!(foreign.known_unit(), None);
    }
}
