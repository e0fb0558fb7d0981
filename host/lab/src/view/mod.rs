//! The content of a run's report as data: metrics, tables, charts and sentences. Experiments create
//! it, and renderers write it; neither depends on the other.

mod answer;
mod brief;
mod chart;
mod flamegraph;
mod note;
mod pivot;
mod table;
mod value;

pub use answer::Answer;
pub use chart::{Axis, Chart, Mark, Scale, Series, Spot, thinned};
pub use flamegraph::Flamegraph;
pub use note::Note;
pub use table::{Align, Head, Rows, Table};
pub use value::{Cell, Emphasis, Form, Value};

use crate::metrics::{Metric, Topic};

/// All that the parts of a run show.
#[derive(Debug, Default)]
pub struct View {
    /// The metrics, which can be compared with another run, graded and gated.
    pub metrics: Vec<Metric>,
    /// The tables, each in the section of its topic.
    pub tables: Vec<Table>,
    /// The charts, each in the section of its topic.
    pub charts: Vec<Chart>,
    /// The flamegraphs, each in the section of its topic.
    pub flamegraphs: Vec<Flamegraph>,
    /// The answers, for a reader of nothing else; each question once.
    pub answers: Vec<Answer>,
    /// Conclusions from the tables, one sentence each.
    pub findings: Vec<(Topic, String)>,
    /// Lines to paste into a sandbox config: TOML, printed as they are.
    pub snippets: Vec<(Topic, String)>,
    /// Notes that a reader needs to judge the numbers.
    pub notes: Vec<Note>,
    /// The settings and the machine of the measurement, in sentences.
    pub conditions: Vec<String>,
    /// Conditions that are violated, so that the command fails.
    pub objections: Vec<String>,
}

impl View {
    /// Adds an answer, if there is one. It replaces an earlier one to the same question: in the
    /// registry, experiments that measure a quantity on the side come before the experiment for it.
    pub fn answer(&mut self, answer: impl Into<Option<Answer>>) {
        let Some(answer) = answer.into() else {
            return;
        };
        let known = self.answers.iter_mut().find(|known| known.question == answer.question);
        match known {
            Some(known) => *known = answer,
            None => self.answers.push(answer),
        }
    }

    /// Adds a metric, if there is one.
    pub fn metric(&mut self, metric: impl Into<Option<Metric>>) {
        self.metrics.extend(metric.into());
    }

    /// Adds a table, unless it has no rows.
    pub fn table(&mut self, table: Table) {
        if !table.rows.is_empty() {
            self.tables.push(table);
        }
    }

    /// Adds a chart, unless it is empty.
    pub fn chart(&mut self, chart: Chart) {
        if chart.series.iter().any(|series| !series.is_empty()) {
            self.charts.push(chart);
        }
    }

    /// Adds a sentence on a section's tables.
    pub fn finding(&mut self, topic: Topic, sentence: impl Into<String>) {
        self.findings.push((topic, sentence.into()));
    }

    /// Adds lines to paste into a sandbox config.
    pub fn snippet(&mut self, topic: Topic, toml: impl Into<String>) {
        self.snippets.push((topic, toml.into()));
    }

    /// Adds a note for judging the numbers.
    pub fn note(&mut self, note: impl Into<String>) {
        self.notes.push(Note::new(note));
    }

    /// Adds a note on several parts, whose text has their number.
    pub fn note_of(&mut self, text: impl Into<String>, details: Vec<String>) {
        self.notes.push(Note { text: text.into(), details });
    }

    /// Adds a violated condition.
    pub fn object(&mut self, objection: impl Into<String>) {
        self.objections.push(objection.into());
    }

    /// Returns the topics that have a table, a picture or a sentence, in the order of reports.
    pub fn topics(&self) -> impl Iterator<Item = Topic> {
        Topic::ALL.into_iter().filter(|topic| {
            self.tables.iter().any(|table| table.topic == *topic)
                || self.charts.iter().any(|chart| chart.topic == *topic)
                || self.flamegraphs.iter().any(|graph| graph.topic == *topic)
                || self.findings.iter().any(|(of, _)| of == topic)
                || self.snippets.iter().any(|(of, _)| of == topic)
        })
    }
}
