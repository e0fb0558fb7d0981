//! A run, for whoever reads it: a person, a page, a spreadsheet, a program.

mod comparison;
mod grades;
mod ladder;
mod load;
mod memory_limits;
mod page;
mod plan;
mod profile;
pub mod results;
mod spawn;
mod table;
mod torture;
mod units;
pub mod validate;

use crate::results::Run;
use crate::{Error, Result};
use clap::ValueEnum;
use table::Style;

pub use comparison::{Comparison, Mean, Row};
pub use ladder::{Ladder, Rung};
pub use torture::text as torture;

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Aligned tables for a terminal.
    Text,
    /// Every sample, with the environment and the settings.
    Json,
    /// Tables for a page.
    Markdown,
    /// One line an agent, size and backend, or a rung of the ladder.
    Csv,
}

/// Writes a run in a format; only text can have colours.
///
/// # Errors
/// If the run cannot be encoded.
pub fn render(run: &Run, format: Format, colours: bool) -> Result<String> {
    Ok(match format {
        Format::Text if colours => page::page(run, Style::Colour),
        Format::Text => page::page(run, Style::Plain),
        Format::Markdown => page::page(run, Style::Markdown),
        Format::Csv => page::csv(run),
        Format::Json => {
            let json = serde_json::to_string_pretty(run)
                .map_err(|error| Error::Machine(format!("cannot encode the run: {error}")))?;
            json + "\n"
        }
    })
}
