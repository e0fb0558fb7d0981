//! Loads on the message path, for whoever reads them. One kind of table a file.

mod burst;
mod csv;
mod grades;
mod latency;
mod max_rate;
mod recovery;
mod scale;
mod sustained;
mod throughput;

use super::Format;
use super::page::{builds, list, machine};
use super::table::Style;
use crate::experiment::load::{Experiment, Finding};
use crate::results::{Measurement, Results};
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
        Format::Csv => csv::csv(results),
        Format::Json => json(results, &graded)?,
    })
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
        schema: "sandlab.load/1",
        results,
        grades: graded,
    };
    let json = serde_json::to_string_pretty(&page)
        .map_err(|error| Error::Machine(format!("cannot encode the results: {error}")))?;
    Ok(json + "\n")
}

fn page(results: &Results, graded: &[Graded], style: Style) -> String {
    let of = |wanted: &[Experiment]| -> Vec<&Measurement> {
        let parts = results.parts.iter();
        parts
            .filter(|m| wanted.contains(&m.part.experiment) && !is_unavailable(m))
            .collect()
    };
    let steady = of(&[Experiment::Latency, Experiment::Peak, Experiment::Sustained]);
    let mut blocks = Vec::new();
    blocks.extend(throughput::blocks(&of(&[Experiment::Throughput]), style));
    blocks.extend(latency::blocks(&steady, style));
    blocks.extend(max_rate::blocks(&of(&[Experiment::MaxRate]), style));
    blocks.extend(scale::blocks(&of(&[Experiment::Scale]), style));
    blocks.extend(sustained::blocks(&of(&[Experiment::Sustained]), style));
    blocks.extend(burst::blocks(&of(&[Experiment::Burst]), style));
    blocks.extend(recovery::blocks(&of(&[Experiment::Recovery]), style));
    blocks.extend(grades::block(results, graded, style));
    blocks.push(list(remarks(results), style));
    blocks.push(list(conditions(results), style));
    blocks.retain(|block| !block.is_empty());
    blocks.join("\n")
}

fn is_unavailable(measurement: &Measurement) -> bool {
    let findings = measurement.findings.iter();
    findings
        .into_iter()
        .any(|finding| matches!(finding, Finding::Unavailable { .. }))
}

/// What a reader must know, so as not to believe too much.
fn remarks(results: &Results) -> Vec<String> {
    let mut lines = Vec::new();
    for measurement in &results.parts {
        let name = measurement.name();
        for finding in &measurement.findings {
            if let Finding::Unavailable { why } = finding {
                lines.push(format!("note: {name}: not available, because {why}"));
            }
        }
        let off = throughput::remark(measurement);
        lines.extend(off.map(|off| format!("note: {off}")));
        for phase in &measurement.phases {
            if phase.phase.is_measured() && phase.is_generator_limited() {
                lines.push(format!(
                    "note: {name}, {}: generator-limited: it left late (lag p99 is over a tenth \
                     of latency p99), or did not send 99 % of what was due; the latency is \
                     in part the generator's",
                    phase.phase.name()
                ));
            }
        }
    }
    if let Some(end) = &results.end {
        lines.extend(end.noise.warning().map(|noise| format!("note: {noise}")));
        lines.extend(end.failures.iter().map(|text| format!("failed: {text}")));
    }
    if results.end.as_ref().is_none_or(|end| !end.complete) {
        lines.push("note: not complete: this is what had been measured until then".to_owned());
    }
    lines
}

fn conditions(results: &Results) -> Vec<String> {
    let mut lines = Vec::new();
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
            super::units::grouped(accepted as f64)
        ));
    }
    if let Some(begin) = &results.begin {
        lines.push(machine(&begin.environment));
        lines.extend(builds(std::slice::from_ref(&begin.agent)));
    }
    lines
}
