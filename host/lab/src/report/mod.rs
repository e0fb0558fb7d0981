//! A run, for whoever reads it: a person, a page, a spreadsheet, a program. It renders tables,
//! charts and notes, whatever they are of.

mod annotation;
mod answers;
mod csv;
mod firefox;
mod fit;
pub mod gate;
mod html;
mod json;
mod look;
mod markdown;
mod page;
mod run_report;
pub mod runs;
mod summary;
mod table;
mod text;
pub mod validate;

pub use csv::csv;
pub use look::{Detail, Look};
pub(crate) use page::wrapped;
pub use run_report::{Compared, Past, RunReport};
pub use table::{Style, draw, draw_within};

use clap::ValueEnum;

/// The formats of a run's report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Aligned tables for a terminal.
    Text,
    /// Everything that is stored of the run, and what follows from it, as docs/run.schema.json
    /// says.
    Json,
    /// For a comment on a pull request: short enough for one, with the details folded.
    Markdown,
    /// The tables for a spreadsheet: one header, and a column that names the table; with
    /// `--output FOLDER/` a file per table.
    Csv,
    /// One file for a browser, with charts, that needs no network.
    Html,
    /// Samples of guests' stacks for profiler.firefox.com; `compare --flamegraph` takes them.
    Firefox,
}
