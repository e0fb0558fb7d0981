//! A gate's verdicts, for whoever reads them: a person, a program, or a CI system.

mod github;
mod junit;

pub use github::render as annotations;

use super::page::{findings, list, machine};
use super::table::{Style, draw};
use crate::metrics::Topic;
use crate::verdict::gate::GateReport;
use crate::view::View;
use crate::{Error, Result};
use clap::ValueEnum;

/// How verdicts are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Tables for a terminal.
    Text,
    /// Every verdict, with its samples and what it was reached under.
    Json,
    /// Tables for a page, or for a comment on a change.
    Markdown,
    /// A case per metric, for CI systems.
    Junit,
}

/// Writes verdicts, and what they show, in a format; only text can have colours.
///
/// # Errors
/// If they cannot be encoded.
pub fn render(report: &GateReport, view: &View, format: Format, colours: bool) -> Result<String> {
    match format {
        Format::Text if colours => Ok(page(report, view, Style::Colour)),
        Format::Text => Ok(page(report, view, Style::Plain)),
        Format::Markdown => Ok(page(report, view, Style::Markdown)),
        Format::Junit => junit::render(report),
        Format::Json => serde_json::to_string_pretty(report)
            .map(|json| json + "\n")
            .map_err(|error| Error::Machine(format!("cannot encode the verdicts: {error}"))),
    }
}

fn page(report: &GateReport, view: &View, style: Style) -> String {
    let mark = match style {
        Style::Markdown => "### ",
        _ => "",
    };
    let mut blocks = vec![format!("{mark}{}\n", report.headline())];
    blocks.extend(view.tables.iter().map(|table| draw(table, style)));
    blocks.extend(findings(view, Topic::Gate, style));
    let mut lines = view.conditions.clone();
    lines.push(machine(&report.environment));
    lines.extend(report.noise.warning());
    lines.extend(report.failures.iter().map(|failure| format!("failed: {failure}")));
    lines.extend(view.notes.iter().map(|note| format!("note: {note}")));
    blocks.push(list(&lines, style));
    blocks.retain(|block| !block.is_empty());
    blocks.join("\n")
}
