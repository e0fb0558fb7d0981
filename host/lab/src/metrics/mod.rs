//! The metrics: every quantity that sandlab measures is defined once, with its key, title,
//! unit, direction and meaning. Reports, the gate, targets, calibration, the trend and the
//! claims read the same definitions.
//!
//! A [`Quantity`] can be measured; a [`Metric`] is one measured value of it, whose identity is the
//! quantity *and* its [`Labels`] (agent, backend, size, and so on). Quantities of more than one
//! experiment are in [`shared`]; all others are in the folder of their experiment.

pub mod format;
mod identity;
mod labels;
pub(crate) mod quantity;
pub mod shared;

pub use identity::Identity;
pub use labels::Labels;
pub use quantity::{Direction, Quantity, Topic, Unit};

use crate::stats::{Estimate, median_interval, spread};
use serde::Serialize;

/// One measured value of a quantity, with its labels.
#[derive(Debug, Clone, Serialize)]
pub struct Metric {
    /// The quantity.
    #[serde(flatten)]
    pub quantity: &'static Quantity,
    /// The agent, backend, size and so on that the value holds for.
    pub labels: Labels,
    /// The value in the quantity's unit, with its 95 % interval where there is one.
    pub value: Estimate,
    /// Whether the value is the same in every measurement (pages, fuel, bytes), so that it is
    /// compared without an interval.
    pub exact: bool,
    /// The units of observation behind the value (rounds, windows, starts); empty for a value
    /// that was read once.
    #[serde(skip)]
    pub samples: Vec<f64>,
    /// The time of a fixed computation beside each sample, nanoseconds, by which runs of different
    /// times are compared; empty if there is none.
    #[serde(skip)]
    pub reference: Vec<f64>,
    /// The reason why the value is not judged: too few of its samples count. `None` if it is
    /// judged.
    pub withheld: Option<String>,
}

impl Metric {
    /// Returns the median of the samples with its interval; `None` if there are no samples.
    pub fn median(quantity: &'static Quantity, labels: Labels, samples: Vec<f64>) -> Option<Self> {
        let value = median_interval(&samples)?;
        Some(Self::estimated(quantity, labels, value, samples))
    }

    /// Returns a value whose interval was estimated elsewhere, with the samples behind it.
    pub fn estimated(
        quantity: &'static Quantity,
        labels: Labels,
        value: Estimate,
        samples: Vec<f64>,
    ) -> Self {
        Self {
            quantity,
            labels,
            value,
            exact: false,
            samples,
            reference: Vec::new(),
            withheld: None,
        }
    }

    /// Returns the value over all samples, with the interval of the median of its windows, widened
    /// to include the value. An event within a window affects many messages at once, so that
    /// windows are the unit of observation and messages are not.
    pub fn whole(
        quantity: &'static Quantity,
        labels: Labels,
        value: f64,
        windows: Vec<f64>,
    ) -> Self {
        Self::estimated(quantity, labels, spread(value, &windows), windows)
    }

    /// Returns a value that was read once: it has no interval.
    pub fn single(quantity: &'static Quantity, labels: Labels, value: f64) -> Self {
        Self::estimated(quantity, labels, Estimate::single(value), Vec::new())
    }

    /// Returns a value that is the same whenever it is measured.
    pub fn exact(quantity: &'static Quantity, labels: Labels, value: f64) -> Self {
        Self {
            exact: true,
            ..Self::estimated(quantity, labels, Estimate::exact(value), vec![value])
        }
    }

    /// Adds the time of a fixed computation beside each sample, nanoseconds. Without one for each,
    /// samples are compared as they are.
    #[must_use]
    pub fn beside(self, reference: &[f64]) -> Self {
        let has_all = reference.len() == self.samples.len() && reference.iter().all(|ns| *ns > 0.0);
        Self { reference: if has_all { reference.to_vec() } else { Vec::new() }, ..self }
    }

    /// Withholds judgement for this reason, if there is one.
    #[must_use]
    pub fn withheld(self, why: Option<String>) -> Self {
        Self { withheld: why.or(self.withheld), ..self }
    }

    /// Returns the identity of the metric: `latency-p99{agent=echo,backend=wasm}`.
    pub fn key(&self) -> String {
        match self.labels.is_empty() {
            true => self.quantity.key.to_owned(),
            false => format!("{}{{{}}}", self.quantity.key, self.labels),
        }
    }

    /// Returns the name that a person reads: `latency p99, echo, 1 KiB, wasm`.
    pub fn name(&self) -> String {
        let labels = self.labels.readable();
        match labels.is_empty() {
            true => self.quantity.title.to_owned(),
            false => format!("{}, {labels}", self.quantity.title),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_a_whole_holds_its_value() {
        let windows = |n: u32| (1..=n).map(f64::from).collect::<Vec<_>>();
        let whole = |value, n| Metric::whole(&shared::THROUGHPUT, Labels::new(), value, windows(n));
        assert_eq!(whole(5.0, 10).value.ends(), Some((2.0, 9.0)));
        assert_eq!(whole(1.0, 10).value.ends(), Some((1.0, 9.0)));
        assert_eq!(whole(5.0, 5).value.ends(), None);
    }

    #[test]
    fn the_identity_of_a_metric_is_its_quantity_and_its_labels() {
        let labels = Labels::new().with("agent", "echo").with("size", 1_024);
        let metric = Metric::single(&shared::TIME_PER_MESSAGE, labels, 5.0);
        assert_eq!(metric.key(), "time-per-message{agent=echo,size=1024}");
        assert_eq!(metric.name(), "time/msg, echo, 1 KiB");
        let bare = Metric::single(&shared::TIME_PER_MESSAGE, Labels::new(), 5.0);
        assert_eq!(bare.key(), "time-per-message");
        assert!(Metric::median(&shared::TIME_PER_MESSAGE, Labels::new(), vec![]).is_none());
    }
}
