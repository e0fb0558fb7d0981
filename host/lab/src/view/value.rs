//! One cell of a table: a value that formats itself.

use crate::metrics::{Unit, format};
use crate::stats::{Distribution, Estimate};
use serde::Serialize;

/// A value in a table.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Words.
    Text(String),
    /// A number, in the unit of its form.
    Number(f64, Form),
    /// The two ends of a 95 % interval.
    Range(f64, f64, Form),
    /// A number with the two ends of its 95 % interval.
    Estimate(f64, (f64, f64), Form),
    /// No value; with the reason, or empty where the column's title explains it.
    Missing(String),
}

/// The form of a number in text, with its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// Nanoseconds, as `4.12 µs`.
    Time,
    /// Nanoseconds more or less, as `+4.12 µs`.
    TimeDifference,
    /// Bytes, as `64 KiB`.
    Size,
    /// Bytes exactly, in the unit in which a person gives a limit: `10 MB`.
    Limit,
    /// Events per second, as `1,234,567`.
    Rate,
    /// A quotient, as `1.25`.
    Ratio,
    /// A share, as `12.3 %`.
    Share,
    /// A small share, as `0.123 %`.
    SmallShare,
    /// A change as a share, as `+12.3 %`.
    Change,
    /// A whole number, as `12345`.
    Integer,
    /// A whole number with its groups, as `12,345`.
    Count,
    /// A number as short as it can be, as `0.5`.
    Number,
}

/// A value with its emphasis.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// The value.
    pub value: Value,
    /// The emphasis of the value.
    pub emphasis: Emphasis,
}

/// The emphasis of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Emphasis {
    /// None.
    #[default]
    Plain,
    /// The main figure of its table.
    Strong,
    /// A figure for detailed readers only.
    Dim,
    /// A good value.
    Good,
    /// A bad value.
    Bad,
}

impl Form {
    /// Writes a number for a person.
    pub fn show(self, number: f64) -> String {
        match self {
            Self::Time => format::time(number),
            Self::TimeDifference => format::difference(number),
            Self::Size => format::bytes_as(number),
            Self::Limit if number >= u64::MAX as f64 => format::bytes_as(number),
            Self::Limit => format::limit(number.round() as u64),
            Self::Rate => format::rate(number),
            Self::Count => format::grouped(number),
            Self::Ratio => format::times(number),
            Self::Share => format::percent(number),
            Self::SmallShare => format!("{} %", format::fixed(number * 100.0, 3)),
            Self::Change => format::change(number),
            Self::Integer => format::fixed(number, 0),
            Self::Number => format::short(number),
        }
    }

    /// Returns the suffix that names the unit in the header of a CSV file.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Time | Self::TimeDifference => Unit::Nanoseconds.suffix(),
            Self::Size | Self::Limit => Unit::Bytes.suffix(),
            Self::Rate => Unit::PerSecond.suffix(),
            Self::Ratio => Unit::Ratio.suffix(),
            Self::Share | Self::SmallShare | Self::Change => Unit::Share.suffix(),
            Self::Integer | Self::Count | Self::Number => "",
        }
    }
}

/// The form in which values of a unit are written.
impl From<Unit> for Form {
    fn from(unit: Unit) -> Self {
        match unit {
            Unit::Nanoseconds => Self::Time,
            Unit::PerSecond => Self::Rate,
            Unit::Bytes => Self::Size,
            Unit::Ratio => Self::Ratio,
            Unit::Share => Self::Share,
            Unit::Count => Self::Count,
        }
    }
}

impl Value {
    /// Returns a number; missing if there is none.
    pub fn number(number: Option<f64>, form: Form) -> Self {
        number.map_or_else(Self::missing, |number| Self::Number(number, form))
    }

    /// Returns the ends of an interval; missing if there is none.
    pub fn range(estimate: Option<Estimate>, form: Form) -> Self {
        let ends = estimate.and_then(|estimate| estimate.low.zip(estimate.high));
        ends.map_or_else(Self::missing, |(low, high)| Self::Range(low, high, form))
    }

    /// Returns a percentile of times; missing if there are too few for it.
    pub fn percentile(times: &Distribution, share: f64) -> Self {
        match times.supported_quantile(share) {
            Some(ns) => Self::Number(ns, Form::Time),
            None if times.count() == 0 => Self::missing(),
            None => Self::Missing("too few".to_owned()),
        }
    }

    /// Returns a value that is missing for a reason that needs no words.
    pub fn missing() -> Self {
        Self::Missing(String::new())
    }

    /// Returns the number, by which rows are sorted; of an interval its lower end, `None` of words.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Number(number, _) | Self::Range(number, ..) | Self::Estimate(number, ..) => {
                Some(*number)
            }
            Self::Text(_) | Self::Missing(_) => None,
        }
    }

    /// Writes the value for a person: a dash, or the reason, where it is missing.
    pub fn show(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number, form) => form.show(*number),
            Self::Range(low, high, form) => format!("{} – {}", form.show(*low), form.show(*high)),
            Self::Estimate(number, (low, high), form) => {
                let number = form.show(*number);
                let span = form.full_span(*low, *high, &number);
                format!("{number} ({span})")
            }
            Self::Missing(reason) if reason.is_empty() => "-".to_owned(),
            Self::Missing(reason) => reason.clone(),
        }
    }
}

impl From<Value> for Cell {
    fn from(value: Value) -> Self {
        Self { value, emphasis: Emphasis::Plain }
    }
}

impl Cell {
    /// Returns a cell of words.
    pub fn text(text: impl ToString) -> Self {
        Value::Text(text.to_string()).into()
    }

    /// Returns the cell, seen as stated.
    #[must_use]
    pub fn seen(self, emphasis: Emphasis) -> Self {
        Self { emphasis, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_formats_itself() {
        let estimate = Estimate { value: 2.0, low: Some(1.0), high: Some(3.0) };
        assert_eq!(Value::range(Some(estimate), Form::Ratio).show(), "1.00 – 3.00");
        assert_eq!(Value::range(Some(Estimate::single(2.0)), Form::Ratio).show(), "-");
        assert_eq!(Value::number(Some(1_024.0), Form::Size).show(), "1 KiB");
        assert_eq!(Value::number(Some(-1_024.0), Form::Size).show(), "-1 KiB");
        assert_eq!(Value::number(None, Form::Size).show(), "-");
        assert_eq!(Value::Missing("no `state`".to_owned()).show(), "no `state`");
        assert_eq!(Value::Number(0.5, Form::Number).show(), "0.5");
        let mut times = Distribution::default();
        assert_eq!(Value::percentile(&times, 0.99).show(), "-");
        (0..99).for_each(|ns| times.record(ns));
        assert_eq!(Value::percentile(&times, 0.99).show(), "too few");
        times.record(99);
        assert_eq!(Value::percentile(&times, 0.99).show(), "98 ns");
    }
}
