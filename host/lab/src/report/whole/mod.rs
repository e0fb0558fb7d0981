//! The report of a stored run: what it says at a glance, how it compares with a baseline and
//! with earlier runs, and every table below.

mod markdown;
mod summary;
mod tables;

use super::table::Style;
use super::{html, results};
use crate::record::{Difference, Results, RunId, differences};
use crate::verdict::{Change, Graded, Measure, Targets, changes, grade, measures};
use crate::{Error, Result};
use clap::ValueEnum;
use serde::Serialize;

pub(super) use summary::{Tone, cards, summary};
pub(super) use tables::{change_table, current_table, details, moved, shown};

/// How it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Aligned tables for a terminal.
    Text,
    /// For a comment on a pull request: short enough for one, with the details folded.
    Markdown,
    /// One file for a browser, with charts, that needs no network.
    Html,
    /// All that the tables and charts show.
    Json,
    /// The tables for a spreadsheet.
    Csv,
}

/// A run, and what it is seen beside.
pub struct Whole {
    /// Its number.
    pub run: RunId,
    /// What it measured.
    pub results: Results,
    /// What of it can be compared.
    pub measures: Vec<Measure>,
    /// How good that is.
    pub graded: Vec<Graded>,
    /// What it is compared with.
    pub baseline: Option<Compared>,
    /// Runs of the same command, this one last.
    pub trend: Vec<Past>,
}

/// What a run is compared with.
#[derive(Debug, Serialize)]
pub struct Compared {
    /// The baseline's name.
    pub name: String,
    /// Its run.
    pub run: RunId,
    /// What was not the same, so that the comparison may mean less.
    pub differences: Vec<Difference>,
    /// What both measured.
    pub changes: Vec<Change>,
}

/// A run of the trend.
#[derive(Debug, Serialize)]
pub struct Past {
    /// Its number.
    pub run: RunId,
    /// When it started, RFC 3339.
    pub started: String,
    /// The commit that it was started in.
    pub commit: Option<String>,
    /// What it measured.
    pub measures: Vec<Measure>,
}

impl Past {
    /// Of a run's results.
    pub fn of(run: RunId, results: &Results) -> Self {
        Self::new(run, results, measures(results))
    }

    fn new(run: RunId, results: &Results, measures: Vec<Measure>) -> Self {
        Self {
            run,
            started: results.begin.started.clone(),
            commit: results.begin.environment.commit.clone(),
            measures,
        }
    }
}

impl Whole {
    /// A run by itself.
    pub fn new(run: RunId, results: Results, targets: &Targets) -> Self {
        Self {
            measures: measures(&results),
            graded: grade(&results, targets),
            run,
            results,
            baseline: None,
            trend: Vec::new(),
        }
    }

    /// Sees it at the end of earlier runs of the same command.
    pub fn follow(&mut self, earlier: Vec<Past>) {
        let now = Past::new(self.run, &self.results, self.measures.clone());
        self.trend = earlier;
        self.trend.push(now);
    }

    /// Compares it with a baseline.
    pub fn compare(&mut self, name: &str, run: RunId, baseline: &Results) {
        self.baseline = Some(Compared {
            name: name.to_owned(),
            run,
            differences: differences(&baseline.begin, &self.results.begin),
            changes: changes(&measures(baseline), &self.measures),
        });
    }

    /// Writes it; only text can have colours.
    ///
    /// # Errors
    /// If it cannot be encoded, or a chart cannot be drawn.
    pub fn render(&self, format: Format, colours: bool) -> Result<String> {
        Ok(match format {
            Format::Text if colours => self.text(Style::Colour),
            Format::Text => self.text(Style::Plain),
            Format::Markdown => markdown::page(self),
            Format::Html => html::page(self)?,
            Format::Json => self.json()?,
            Format::Csv => self.csv(),
        })
    }

    fn text(&self, style: Style) -> String {
        let page = results::page(&self.results, &self.graded, style);
        let Some(compared) = &self.baseline else {
            return page;
        };
        let lines = summary(self).into_iter().map(|line| line.text + "\n");
        let table = change_table(&compared.changes.iter().collect::<Vec<_>>()).draw(style);
        format!("{page}\n{table}\n{}", lines.collect::<String>())
    }

    fn csv(&self) -> String {
        let tables = results::csv(&self.results);
        match &self.baseline {
            Some(compared) => format!("{}\n{tables}", tables::changes_csv(&compared.changes)),
            None => tables,
        }
    }

    fn json(&self) -> Result<String> {
        #[derive(Serialize)]
        struct Page<'a> {
            schema: &'static str,
            run: RunId,
            #[serde(flatten)]
            results: &'a Results,
            grades: &'a [Graded],
            measures: &'a [Measure],
            baseline: &'a Option<Compared>,
        }
        let page = Page {
            schema: "sandlab.report/1",
            run: self.run,
            results: &self.results,
            grades: &self.graded,
            measures: &self.measures,
            baseline: &self.baseline,
        };
        let json = serde_json::to_string_pretty(&page)
            .map_err(|error| Error::Machine(format!("cannot encode the report: {error}")))?;
        Ok(json + "\n")
    }
}
