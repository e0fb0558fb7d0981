//! The options of every command that reports: in which format, how much, how wide.

use super::{progress, streams};
use crate::experiments::Plan;
use crate::record::{self, Document};
use crate::report::{Detail, Format, Look, RunReport};
use crate::{Error, Result};
use clap::ValueEnum;
use console::Term;
use std::path::{Path, PathBuf};

/// The format of a report, its files, and its look on a terminal.
#[derive(Debug, clap::Args)]
pub struct Reporting {
    /// Format of the report: `json` and `csv` have every figure, `text` is for people.
    #[arg(long, value_enum, default_value = "text", global = true)]
    format: Format,
    /// Write the report to this file, instead of to standard output (`-`); with `--format csv` and a
    /// folder (`tables/`), a file per table.
    #[arg(long, value_name = "FILE", global = true)]
    output: Option<PathBuf>,
    /// Also write the report as a page for a browser.
    #[arg(long, value_name = "FILE", global = true)]
    html: Option<PathBuf>,
    #[command(flatten)]
    looking: Looking,
}

/// The part of a report that a terminal shows.
#[derive(Debug, clap::Args)]
pub struct Looking {
    /// Print the answers alone.
    #[arg(long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Print every table, note and grade, however many there are.
    #[arg(long, global = true)]
    verbose: bool,
    /// Print every column, however wide the terminal is.
    #[arg(long, global = true)]
    wide: bool,
    /// The order of a comparison's rows.
    #[arg(long, value_enum, value_name = "ORDER", default_value = "measured", global = true)]
    sort: Order,
}

/// The order of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Order {
    /// As they were measured.
    Measured,
    /// Largest cost relative to native first.
    Cost,
}

impl Looking {
    /// Returns the look on standard output.
    pub fn look(&self) -> Look {
        let look = Look {
            has_colours: console::colors_enabled(),
            detail: match (self.quiet, self.verbose) {
                (true, _) => Detail::Quiet,
                (_, true) => Detail::Verbose,
                _ => Detail::Usual,
            },
            is_wide: self.wide,
            by_cost: self.sort == Order::Cost,
            ..Look::default()
        };
        look.on(streams::columns(&Term::stdout()))
    }
}

impl Reporting {
    /// Makes sure that the report can be written, before hours are spent on its content.
    ///
    /// # Errors
    /// If it cannot.
    pub fn require_writable(&self) -> Result<()> {
        if let Some(page) = &self.html {
            // Beside the store, whose folder may not be there yet.
            if let Some(folder) = page.parent() {
                std::fs::create_dir_all(folder).map_err(Error::file("make the folder", folder))?;
            }
            record::require_writable(page)?;
        }
        match streams::file(self.output.as_deref()) {
            Some(output) if !self.is_folder(output) => record::require_writable(output),
            _ => Ok(()),
        }
    }

    /// Checks, before the measurement, that the run will have samples for the format.
    ///
    /// # Errors
    /// If it will not have them.
    pub fn require_samples(&self, plan: &Plan) -> Result<()> {
        if self.format == Format::Firefox && !plan.samples_stacks {
            return Err(Error::Usage(
                "`--format firefox` is of samples of a guest's stack, and this command would take none: \
                 `compare SUBJECT --flamegraph` and `footprint SUBJECT --guest` take some"
                    .to_owned(),
            ));
        }
        Ok(())
    }

    /// Returns whether the report is for a browser.
    pub fn is_html(&self) -> bool {
        self.format == Format::Html || self.html.is_some()
    }

    /// Returns whether each table goes to a file of its own in this folder.
    fn is_folder(&self, output: &Path) -> bool {
        let names_folder = output.to_string_lossy().ends_with('/');
        self.format == Format::Csv && (names_folder || output.is_dir())
    }

    /// Writes the report of a run of this store.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, report: &RunReport, document: impl Fn() -> Result<Document>) -> Result<()> {
        let render = |format, look: &Look| report.render(format, look, &document);
        if let Some(page) = &self.html {
            record::write_whole(page, render(Format::Html, &Look::default())?.as_bytes())?;
        }
        let look = self.looking.look();
        match streams::file(self.output.as_deref()) {
            Some(output) if self.is_folder(output) => report.write_csv(output),
            Some(file) => {
                let look = Look { has_colours: false, ..look.on(None) };
                streams::deliver(Some(file), &render(self.format, &look)?)
            }
            None => streams::print(&render(self.format, &look)?),
        }
    }

    /// Prints the answers for a person, where the report itself is for a program.
    pub fn say_answers(&self, report: &RunReport) {
        let is_shown =
            self.format == Format::Text && streams::file(self.output.as_deref()).is_none();
        if !is_shown {
            progress::say(report.answers(&Look::default()).trim_end());
        }
    }

    /// Tells a person where the page is.
    pub fn say_page(&self) {
        if let Some(page) = &self.html {
            progress::say(&format!("the page is {}", page.display()));
        }
    }
}
