//! What a run has found out, for whoever reads it: the tables of each experiment, how good
//! the results are, and the conditions.

use super::page::{builds, list, machine};
use super::table::Style;
use super::{Format, footprint, grades, load, memory_limits, plan, sampled, spawn};
use crate::experiments::record::Finding;
use crate::record::Results;
use crate::verdict::{Graded, Targets, grade};
use crate::{Error, Result};
use serde::Serialize;

/// Writes what was measured in a format; only text can have colours.
///
/// # Errors
/// If it cannot be encoded.
pub fn render(
    results: &Results,
    targets: &Targets,
    format: Format,
    colours: bool,
) -> Result<String> {
    let graded = grade(results, targets);
    Ok(match format {
        Format::Text if colours => page(results, &graded, Style::Colour),
        Format::Text => page(results, &graded, Style::Plain),
        Format::Markdown => page(results, &graded, Style::Markdown),
        Format::Csv => csv(results),
        Format::Json => json(results, &graded)?,
    })
}

pub(super) fn csv(results: &Results) -> String {
    let mut tables = sampled::csv(results);
    if !results.parts.is_empty() {
        let special = [
            memory_limits::csv(results),
            plan::csv(results),
            spawn::csv(results),
            footprint::csv(results),
        ];
        let found: Vec<_> = special.into_iter().flatten().collect();
        match found.is_empty() {
            true => tables.push(load::csv(results)),
            false => tables.extend(found),
        }
    }
    tables.join("\n")
}

fn json(results: &Results, graded: &[Graded]) -> Result<String> {
    #[derive(Serialize)]
    struct Page<'a> {
        schema: &'static str,
        #[serde(flatten)]
        results: &'a Results,
        grades: &'a [Graded],
    }
    let page = Page {
        schema: "sandlab.results/2",
        results,
        grades: graded,
    };
    let json = serde_json::to_string_pretty(&page)
        .map_err(|error| Error::Machine(format!("cannot encode the results: {error}")))?;
    Ok(json + "\n")
}

pub(super) fn page(results: &Results, graded: &[Graded], style: Style) -> String {
    let mut blocks = sampled::blocks(results, style);
    blocks.extend(load::blocks(results, style));
    blocks.extend(memory_limits::blocks(results, style));
    blocks.extend(plan::blocks(results, style));
    blocks.extend(spawn::blocks(results, style));
    blocks.extend(footprint::blocks(results, style));
    blocks.extend(grades::block(results, graded, style));
    blocks.push(list(remarks(results), style));
    blocks.push(list(conditions(results), style));
    blocks.retain(|block| !block.is_empty());
    blocks.join("\n")
}

/// What a reader must know, so as not to believe too much.
pub(super) fn remarks(results: &Results) -> Vec<String> {
    let notes = results.notes.iter().map(|note| format!("note: {note}"));
    let mut lines: Vec<_> = notes.collect();
    for measurement in &results.parts {
        let name = measurement.name();
        for finding in &measurement.findings {
            if let Finding::Unavailable { why } = finding {
                lines.push(format!("note: {name}: not available, because {why}"));
            }
        }
        lines.extend(load::remarks(measurement));
    }
    lines.extend(memory_limits::remarks(results));
    if let Some(end) = &results.end {
        lines.extend(end.noise.warning().map(|noise| format!("note: {noise}")));
        lines.extend(end.failures.iter().map(|text| format!("failed: {text}")));
    }
    if !results.is_complete() {
        lines.push("note: not complete: this is what had been measured until then".to_owned());
    }
    lines
}

pub(super) fn conditions(results: &Results) -> Vec<String> {
    let mut lines = sampled::conditions(results);
    let accepted = results.parts.iter().flat_map(|m| &m.findings);
    let accepted: u64 = accepted
        .map(|finding| match finding {
            Finding::Accounts(accounts) => accounts.accepted,
            _ => 0,
        })
        .sum();
    if accepted > 0 {
        lines.push(format!(
            "{} messages, each accounted for: handled, failed or dead-lettered",
            crate::metrics::format::grouped(accepted as f64)
        ));
    }
    lines.push(machine(&results.begin.environment));
    lines.extend(builds(&results.begin.agents));
    lines
}
