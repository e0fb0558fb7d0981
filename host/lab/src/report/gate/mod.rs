//! A gate's verdicts, for whoever reads them: a person, a program, or a CI system.

mod github;
mod junit;

pub use github::render as annotations;

use super::fit;
use super::look::{Detail, Look};
use super::page::{list, list_within, machine, note_lines, wrapped};
use super::table::{Style, draw};
use crate::metrics::Topic;
use crate::verdict::gate::GateReport;
use crate::view::{Note, View};
use crate::{Error, Result};
use clap::ValueEnum;

/// The formats of a gate's report.
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

/// Writes verdicts, and what they show, in a format; text is as the look says.
///
/// # Errors
/// If they cannot be encoded.
pub fn render(report: &GateReport, view: &View, format: Format, look: &Look) -> Result<String> {
    match format {
        Format::Text => Ok(text(report, view, look)),
        Format::Markdown => Ok(markdown(report, view)),
        Format::Junit => junit::render(report),
        Format::Json => serde_json::to_string_pretty(report)
            .map(|json| json + "\n")
            .map_err(|error| Error::Machine(format!("cannot encode the verdicts: {error}"))),
    }
}

/// Writes tables and conditions for a terminal; the verdict stands last, where a reader looks.
fn text(report: &GateReport, view: &View, look: &Look) -> String {
    let verdict = format!("{}\n", wrapped(&report.headline(), look.width, "  "));
    if look.detail == Detail::Quiet {
        return verdict;
    }
    let mut blocks: Vec<String> =
        view.tables.iter().map(|table| fit::drawn(table, look).0).collect();
    blocks.push(list_within(&lines(report, view, look.detail == Detail::Verbose), look.width));
    blocks.push(verdict);
    blocks.retain(|block| !block.is_empty());
    blocks.join("\n")
}

fn markdown(report: &GateReport, view: &View) -> String {
    let style = Style::Markdown;
    let mut blocks = vec![format!("### {}\n", report.headline())];
    blocks.extend(view.tables.iter().map(|table| draw(table, style)));
    blocks.push(list(&lines(report, view, false), style));
    blocks.retain(|block| !block.is_empty());
    blocks.join("\n")
}

/// Returns what the tables say, the conditions, and what a reader must know of them.
fn lines(report: &GateReport, view: &View, has_details: bool) -> Vec<String> {
    let found = view.findings.iter().filter(|(topic, _)| *topic == Topic::Gate);
    let mut lines: Vec<String> = found.map(|(_, sentence)| sentence.clone()).collect();
    lines.extend(view.conditions.clone());
    lines.push(machine(&report.environment));
    lines.extend(report.noise.warning());
    lines.extend(report.failures.iter().map(|failure| format!("failed: {failure}")));
    let notes = Note::collapsed(&view.notes, &[]);
    lines.extend(note_lines(&notes, has_details).into_iter().map(|note| format!("note: {note}")));
    lines
}
