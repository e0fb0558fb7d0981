//! A gate's verdicts, for whoever reads them. One exporter a file.

mod calibration;
mod github;
mod junit;
mod text;

use super::table::Style;
use crate::verdict::gate::Gated;
use crate::{Error, Result};
use clap::ValueEnum;

pub use calibration::render as calibration;
pub use github::render as annotations;

/// How verdicts are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Tables for a terminal.
    Text,
    /// Every verdict, with what it was reached under.
    Json,
    /// Tables for a page, or for a comment on a change.
    Markdown,
    /// A case a metric, for CI systems.
    Junit,
}

/// Writes verdicts in a format; only text can have colours.
///
/// # Errors
/// If they cannot be encoded.
pub fn render(gated: &Gated, format: Format, colours: bool) -> Result<String> {
    match format {
        Format::Text if colours => Ok(text::page(gated, Style::Colour)),
        Format::Text => Ok(text::page(gated, Style::Plain)),
        Format::Markdown => Ok(text::page(gated, Style::Markdown)),
        Format::Junit => junit::render(gated),
        Format::Json => serde_json::to_string_pretty(gated)
            .map(|json| json + "\n")
            .map_err(|error| Error::Machine(format!("cannot encode the verdicts: {error}"))),
    }
}
