//! The report of a stored run: its view, its grades, and its comparisons with a baseline and
//! earlier runs.

use super::look::Look;
use super::{Format, answers, csv, firefox, html, json, markdown, text};
use crate::metrics::{Metric, Topic};
use crate::record::{Difference, Document, Run, RunId, differences};
use crate::verdict::{Change, Graded, NotJudged, Policy, Targets, changes};
use crate::view::{Cell, Emphasis, Form, Table, Value, View};
use crate::{Error, Result};
use serde::Serialize;
use std::path::Path;

/// A run with its view, its grades, a baseline and a trend.
pub struct RunReport {
    /// Its number in the store; `None` of a run that nobody keeps, which nobody can ask for again.
    pub id: Option<RunId>,
    /// The run.
    pub run: Run,
    /// The tables, charts, metrics and notes of the run.
    pub view: View,
    /// The metrics that have a target, each with its grade.
    pub graded: Vec<Graded>,
    /// The metrics that have a target and are not judged, with the reasons.
    pub not_judged: Vec<NotJudged>,
    /// The baseline and the changes against it; `None` without a baseline.
    pub baseline: Option<Compared>,
    /// Runs of the same command, this one last.
    pub trend: Vec<Past>,
}

/// The comparison of a run with a baseline.
#[derive(Debug, Serialize)]
pub struct Compared {
    /// The baseline's name.
    pub name: String,
    /// Its run.
    pub run: RunId,
    /// Conditions that the two runs do not share, which weaken the comparison.
    pub differences: Vec<Difference>,
    /// The metrics of both runs, each with its change.
    pub changes: Vec<Change>,
}

/// A run of the trend.
#[derive(Debug, Clone)]
pub struct Past {
    /// Its number.
    pub run: RunId,
    /// The time of its start, RFC 3339.
    pub started: String,
    /// The commit that it was started in.
    pub commit: Option<String>,
    /// A warning about disturbances during the run; `None` if there were few.
    pub noise: Option<String>,
    /// The metrics of that run.
    pub metrics: Vec<Metric>,
}

impl Past {
    /// Returns a run of the trend.
    pub fn of(id: RunId, run: &Run, metrics: Vec<Metric>) -> Self {
        Self {
            run: id,
            started: run.begin.started.clone(),
            commit: run.begin.environment.commit.clone(),
            noise: run.end.as_ref().and_then(|end| end.noise.warning()),
            metrics,
        }
    }
}

impl RunReport {
    /// Returns the report of a run by itself; without a number if the run is not kept.
    pub fn new(id: Option<RunId>, run: Run, mut view: View, targets: &Targets) -> Self {
        view.notes.extend(targets.unused(&view.metrics));
        Self {
            graded: targets.grade(&view.metrics),
            not_judged: targets.not_judged(&view.metrics),
            id,
            run,
            view,
            baseline: None,
            trend: Vec::new(),
        }
    }

    /// Returns the run in words: `compare, run 3`, or `compare` of one that is not kept.
    pub(super) fn title(&self) -> String {
        let command = &self.run.begin.command;
        self.id.map_or_else(|| command.clone(), |id| format!("{command}, run {id}"))
    }

    /// Sets the trend: earlier runs of the same command, and this one, of this number, at their
    /// end.
    pub fn follow(&mut self, id: RunId, earlier: Vec<Past>) {
        let now = Past::of(id, &self.run, self.view.metrics.clone());
        self.trend = earlier;
        self.trend.push(now);
    }

    /// Compares the run with a baseline, of which these metrics are.
    pub fn compare(&mut self, name: &str, id: RunId, baseline: &Run, metrics: &[Metric]) {
        self.baseline = Some(Compared {
            name: name.to_owned(),
            run: id,
            differences: differences(&baseline.begin, &self.run.begin),
            changes: changes(metrics, &self.view.metrics, &Policy::standard()).0,
        });
    }

    /// Returns a sentence on each result that misses its target or a rule.
    pub fn objections(&self) -> Vec<String> {
        let missed = self.graded.iter().filter_map(Graded::objection);
        missed.chain(self.view.objections.iter().cloned()).collect()
    }

    /// Judges the run, if its command does; `errors` are those of measuring it.
    ///
    /// # Errors
    /// [`Error::TargetsMissed`] if a result misses its target. Otherwise [`Error::NotJudged`] if a
    /// metric is not judged, unless `errors` has some.
    pub fn verdict(&self, errors: &[Error]) -> Result<()> {
        let objections = self.objections();
        match () {
            () if !self.run.begin.judges => Ok(()),
            () if !objections.is_empty() => Err(Error::TargetsMissed(objections)),
            () if self.not_judged.is_empty() || !errors.is_empty() => Ok(()),
            () => {
                let not_judged = self.not_judged.iter().map(ToString::to_string);
                Err(Error::NotJudged(not_judged.collect()))
            }
        }
    }

    /// Returns the error with which the command ended that measured the run, by today's targets.
    ///
    /// # Errors
    /// The error of the command.
    pub fn outcome(&self) -> Result<()> {
        let end = self.run.end.as_ref();
        let failed = end.and_then(|end| {
            let failures = end.failures.clone();
            end.failed_as.map(|kind| Error::Stored { failures, kind })
        });
        let mut errors: Vec<Error> = failed.into_iter().collect();
        if end.is_none() && self.run.begin.judges {
            let run = self.id.map_or_else(|| "the run".to_owned(), |id| format!("run {id}"));
            let why = format!("{run} has no end: it was killed, or is going on");
            errors.push(Error::NotJudged(vec![why]));
        }
        errors.extend(self.verdict(&errors).err());
        match errors.len() {
            0 => Ok(()),
            1 => Err(errors.remove(0)),
            _ => Err(Error::Several(errors)),
        }
    }

    /// Writes the report. `look` applies to text; the document is that of the run.
    ///
    /// # Errors
    /// If it cannot be encoded, a chart cannot be drawn, or the run has nothing for this format.
    pub fn render(
        &self,
        format: Format,
        look: &Look,
        document: impl FnOnce() -> Result<Document>,
    ) -> Result<String> {
        Ok(match format {
            Format::Text => text::page(self, look),
            Format::Markdown => markdown::page(self),
            Format::Html => html::page(self)?,
            Format::Firefox => firefox::profile(self)?,
            Format::Json => json::document(self, document()?)?,
            Format::Csv => csv::csv_of_all(&self.tables())?,
        })
    }

    /// Writes the end of the report alone: the answers.
    pub fn answers(&self, look: &Look) -> String {
        answers::text(self, look)
    }

    /// Writes a CSV file per table into a folder, which is made if it is not there.
    ///
    /// # Errors
    /// If one cannot be written.
    pub fn write_csv(&self, folder: &Path) -> Result<()> {
        std::fs::create_dir_all(folder).map_err(Error::file("make the folder", folder))?;
        for table in self.tables() {
            let file = folder.join(table.key).with_extension("csv");
            crate::record::write_whole(&file, csv::csv(&table)?.as_bytes())?;
        }
        Ok(())
    }

    /// Returns the tables of all topics, and that of the changes.
    fn tables(&self) -> Vec<Table> {
        let changes = self
            .baseline
            .as_ref()
            .map(|compared| change_table(&compared.changes.iter().collect::<Vec<_>>()));
        changes.into_iter().chain(self.view.tables.iter().cloned()).collect()
    }
}

/// Returns a table of baseline, current value and change.
pub(super) fn change_table(changes: &[&Change]) -> Table {
    let unit = |change: &Change| Form::from(change.metric.quantity.unit);
    Table::of("changes", "Changes", Topic::Overhead, changes)
        .text("metric", "metric", |change| change.metric.name())
        .cells("baseline", "baseline", Some(Form::Number), |change| {
            Value::Number(change.baseline.value, unit(change)).into()
        })
        .cells("current", "current", Some(Form::Number), |change| {
            Value::Number(change.metric.value.value, unit(change)).into()
        })
        .number("change", "change", Form::Change, |change| Some(change.change?.value))
        .interval("change", Form::Change, |change| change.change)
        .cells("verdict", "verdict", None, |change| {
            let verdict = Cell::text(change.verdict_name());
            match change.verdict {
                Some(crate::verdict::gate::Verdict::Regressed) => verdict.seen(Emphasis::Bad),
                Some(crate::verdict::gate::Verdict::Improved) => verdict.seen(Emphasis::Good),
                _ => verdict,
            }
        })
        .done()
}

/// Returns a table of the metrics, for a run without a baseline.
pub(super) fn metric_table(metrics: &[&Metric]) -> Table {
    Table::of("metrics", "Metrics", Topic::Overhead, metrics)
        .text("metric", "metric", |metric| metric.name())
        .cells("value", "value", Some(Form::Number), |metric| {
            Value::Number(metric.value.value, Form::from(metric.quantity.unit)).into()
        })
        .cells("interval", "95 % interval", Some(Form::Number), |metric| {
            let form = Form::from(metric.quantity.unit);
            Cell::from(Value::range(Some(metric.value), form)).seen(Emphasis::Dim)
        })
        .done()
}
