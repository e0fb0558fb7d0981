//! A chart as data: lines, points with their intervals, bars and marks, over axes that may be
//! logarithmic or of names.

use super::value::Form;
use crate::metrics::Topic;

/// Series over two axes.
#[derive(Debug, Clone)]
pub struct Chart {
    /// The section of a report that shows it.
    pub topic: Topic,
    /// A sentence on the chart's content.
    pub caption: String,
    /// The axis from left to right.
    pub x: Axis,
    /// The axis from bottom to top.
    pub y: Axis,
    /// The series, each in a colour of its own.
    pub series: Vec<Series>,
    /// Points and lines that are marked, with their labels.
    pub marks: Vec<Mark>,
}

/// One axis.
#[derive(Debug, Clone)]
pub struct Axis {
    /// The unit or meaning of its numbers, as its label.
    pub name: String,
    /// The scale of its numbers.
    pub scale: Scale,
    /// The form in which its numbers are written.
    pub form: Form,
}

/// The scale of an axis.
#[derive(Debug, Clone)]
pub enum Scale {
    /// Evenly.
    Linear,
    /// By their logarithm; of positive numbers.
    Log,
    /// Each number is the index of a name, from top to bottom.
    Names(Vec<String>),
    /// Each number is the index of a label, from left to right.
    Labels(Vec<String>),
    /// Shares of all, so that each further nine has as much room: percentiles.
    Nines,
}

/// A number, with its interval if there is one, at a position.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spot {
    /// From left to right.
    pub x: f64,
    /// From bottom to top; no number where a line has a gap.
    pub y: f64,
    /// The interval of the number: of `y`, or of `x` where `y` is a name.
    pub range: Option<(f64, f64)>,
}

/// Numbers that share a colour, with their name in the legend.
#[derive(Debug, Clone)]
pub struct Series {
    /// The name in the legend.
    pub name: String,
    /// The numbers.
    pub spots: Vec<Spot>,
    /// Set if the spots are joined by a line.
    pub line: bool,
    /// Set if each spot is drawn.
    pub dots: bool,
    /// Bars from a number to another, at the index of a name: (index, from, to).
    pub bars: Vec<(f64, f64, f64)>,
}

/// A mark on a chart.
#[derive(Debug, Clone)]
pub enum Mark {
    /// The stretch from one x to another.
    Band(f64, f64),
    /// An x.
    At(f64),
}

impl Axis {
    /// Returns an axis of evenly spread numbers.
    pub fn linear(name: &str, form: Form) -> Self {
        Self { name: name.to_owned(), scale: Scale::Linear, form }
    }

    /// Returns a logarithmic axis of positive numbers.
    pub fn log(name: &str, form: Form) -> Self {
        Self { scale: Scale::Log, ..Self::linear(name, form) }
    }

    /// Returns an axis of names, the first on top.
    pub fn names(name: &str, names: Vec<String>) -> Self {
        Self { scale: Scale::Names(names), ..Self::linear(name, Form::Number) }
    }

    /// Returns an axis of labels, the first on the left.
    pub fn labels(name: &str, labels: Vec<String>) -> Self {
        Self { scale: Scale::Labels(labels), ..Self::linear(name, Form::Number) }
    }

    /// Returns an axis of percentiles, which are given as shares.
    pub fn percentiles() -> Self {
        Self { scale: Scale::Nines, ..Self::linear("percentile", Form::Share) }
    }
}

impl Series {
    /// Returns numbers that are joined.
    pub fn line(name: impl Into<String>, spots: Vec<Spot>) -> Self {
        Self { name: name.into(), spots, line: true, dots: false, bars: Vec::new() }
    }

    /// Returns numbers that are joined and each seen.
    pub fn dotted(name: impl Into<String>, spots: Vec<Spot>) -> Self {
        Self { dots: true, ..Self::line(name, spots) }
    }

    /// Returns numbers that are each seen.
    pub fn dots(name: impl Into<String>, spots: Vec<Spot>) -> Self {
        Self { line: false, ..Self::dotted(name, spots) }
    }

    /// Returns bars at names.
    pub fn bars(name: impl Into<String>, bars: Vec<(f64, f64, f64)>) -> Self {
        Self { bars, ..Self::dots(name, Vec::new()) }
    }

    /// Returns true if there is nothing to draw.
    pub fn is_empty(&self) -> bool {
        self.spots.is_empty() && self.bars.is_empty()
    }
}

impl Spot {
    /// Returns a number without an interval.
    pub fn new(x: f64, y: f64) -> Self {
        Self { x, y, range: None }
    }

    /// Returns a gap of a line.
    pub fn gap(x: f64) -> Self {
        Self::new(x, f64::NAN)
    }

    /// Returns whether it is a gap of a line.
    pub fn is_gap(&self) -> bool {
        self.y.is_nan()
    }
}

/// Returns as few of many as a picture can show, the first and the last among them.
pub fn thinned<T: Clone>(all: &[T]) -> Vec<T> {
    const MOST: usize = 400;
    let every = all.len().div_ceil(MOST).max(1);
    let mut some: Vec<T> = all.iter().step_by(every).cloned().collect();
    if every > 1 {
        some.extend(all.last().cloned());
    }
    some
}
