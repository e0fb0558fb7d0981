//! The answers of a run, for a reader of nothing else.

use super::value::Form;
use crate::metrics::{Metric, Topic};
use serde::Serialize;

/// The answer to one question: a figure with its context.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answer {
    /// The section of a report with more on the question.
    pub topic: Topic,
    /// The question in a word or three: `per call`.
    pub question: String,
    /// The figure with its unit: `+270 ns`.
    pub figure: String,
    /// The range of the figure, its 95 % interval unless the remark says otherwise: `252–281`.
    pub range: Option<String>,
    /// Clauses that put the figure in its place, separated by semicolons.
    pub remark: String,
    /// The key of the figure's metric, by which its target is found; `None` if it comes from
    /// several.
    pub metric: Option<String>,
    /// The reason why the figure is not judged; `None` if it is.
    pub withheld: Option<String>,
    /// The command that shows more; `None` if there is none.
    pub look: Option<String>,
    /// Whether it can be left out where a run answers many questions.
    pub is_aside: bool,
}

impl Answer {
    /// Returns an answer that is no more than a figure.
    pub fn new(topic: Topic, question: impl Into<String>, figure: impl Into<String>) -> Self {
        Self {
            topic,
            question: question.into(),
            figure: figure.into(),
            range: None,
            remark: String::new(),
            metric: None,
            withheld: None,
            look: None,
            is_aside: false,
        }
    }

    /// Returns a metric as an answer, with its interval and its target.
    pub fn of(question: impl Into<String>, metric: &Metric) -> Self {
        let form = Form::from(metric.quantity.unit);
        let interval = metric.value.ends().filter(|_| !metric.exact);
        let figure = form.brief(metric.value.value);
        Self {
            range: interval.map(|(low, high)| form.span(low, high, &figure)),
            metric: Some(metric.key()),
            withheld: metric.withheld.clone(),
            ..Self::new(metric.quantity.topic, question, figure)
        }
    }

    /// Adds a range, written beside the figure.
    #[must_use]
    pub fn range(self, form: Form, ends: Option<(f64, f64)>) -> Self {
        let range = ends.map(|(low, high)| form.span(low, high, &self.figure));
        Self { range: range.or(self.range), ..self }
    }

    /// Adds a clause that puts the figure in its place, unless it is empty.
    #[must_use]
    pub fn remark(mut self, clause: impl AsRef<str>) -> Self {
        let clause = clause.as_ref();
        if !self.remark.is_empty() && !clause.is_empty() {
            self.remark.push_str("; ");
        }
        self.remark.push_str(clause);
        self
    }

    /// Withholds the figure for this reason, if there is one.
    #[must_use]
    pub fn withheld(self, why: Option<String>) -> Self {
        Self { withheld: why.or(self.withheld), ..self }
    }

    /// Names the command that looks deeper.
    #[must_use]
    pub fn look(self, command: impl Into<String>) -> Self {
        Self { look: Some(command.into()), ..self }
    }

    /// Marks it as one that can be left out where a run answers many questions.
    #[must_use]
    pub fn aside(self) -> Self {
        Self { is_aside: true, ..self }
    }

    /// Returns the figure with its range: `+270 ns (252–281)`.
    pub fn value(&self) -> String {
        match &self.range {
            Some(range) => format!("{} ({range})", self.figure),
            None => self.figure.clone(),
        }
    }
}
