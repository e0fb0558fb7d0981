//! A run, for whoever reads it: a person, a page, a spreadsheet, a program.

mod summary;
mod table;

use crate::results::Run;
use crate::{Error, Result};
use clap::ValueEnum;

pub use summary::{Row, Summary};

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Aligned tables for a terminal.
    Text,
    /// Every sample, with the environment and the settings.
    Json,
    /// Tables for a page.
    Markdown,
    /// One line an agent, size and backend.
    Csv,
}

/// Writes a run in a format.
///
/// # Errors
/// If the run cannot be encoded.
pub fn render(run: &Run, format: Format) -> Result<String> {
    Ok(match format {
        Format::Text => table::text(run, &Summary::of(run)),
        Format::Markdown => table::markdown(run, &Summary::of(run)),
        Format::Csv => table::csv(&Summary::of(run)),
        Format::Json => {
            let json = serde_json::to_string_pretty(run)
                .map_err(|error| Error::Machine(format!("cannot encode the run: {error}")))?;
            json + "\n"
        }
    })
}
