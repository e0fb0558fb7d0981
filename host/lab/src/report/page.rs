//! A whole report: the tables, what they say, and the conditions.

use super::comparison::Comparison;
use super::ladder::Ladder;
use super::table::Style;
use crate::results::{Environment, Measured, Run};
use crate::stats::median_interval;
use std::collections::BTreeSet;

/// For a person.
pub fn page(run: &Run, style: Style) -> String {
    let mut blocks = Vec::new();
    if !run.comparisons.is_empty() {
        let comparison = Comparison::of(&run.comparisons);
        blocks.push(comparison.table().draw(style));
        blocks.push(list(comparison.sentences(), style));
    }
    if !run.ladders.is_empty() {
        let ladders: Vec<_> = run.ladders.iter().map(Ladder::of).collect();
        blocks.push(Ladder::table(&ladders).draw(style));
        let sentences = ladders.iter().filter_map(Ladder::sentence);
        blocks.push(list(sentences.collect(), style));
    }
    blocks.push(list(conditions(run), style));
    blocks.push(list(remarks(run), style));
    blocks.retain(|block| !block.is_empty());
    blocks.join("\n")
}

/// For a spreadsheet: one kind of rows, since the two have different columns.
pub fn csv(run: &Run) -> String {
    if run.comparisons.is_empty() && !run.ladders.is_empty() {
        let ladders: Vec<_> = run.ladders.iter().map(Ladder::of).collect();
        return Ladder::csv(&ladders);
    }
    Comparison::of(&run.comparisons).csv()
}

pub(super) fn list(lines: Vec<String>, style: Style) -> String {
    let bullet = if style == Style::Markdown { "- " } else { "" };
    lines
        .iter()
        .map(|line| format!("{bullet}{line}\n"))
        .collect()
}

fn conditions(run: &Run) -> Vec<String> {
    let mut lines = Vec::new();
    lines.extend(timing_share(run).map(|share| {
        format!(
            "timing itself added at most {:.2} % to a message",
            share * 100.0
        )
    }));
    lines.push(format!(
        "{} rounds of fresh instances, interleaved; 95 % intervals of the median",
        run.settings.rounds
    ));
    lines.push(machine(&run.environment));
    lines.extend(builds(&run.agents));
    lines
}

/// The largest share that timing added to any median.
fn timing_share(run: &Run) -> Option<f64> {
    let cases = run.comparisons.iter().chain(&run.ladders);
    let shares = cases.flat_map(|case| {
        let medians = case
            .sides
            .iter()
            .filter_map(|side| median_interval(&side.ns));
        medians.map(|median| case.timing_ns / median.value)
    });
    shares.reduce(f64::max)
}

pub(super) fn machine(environment: &Environment) -> String {
    let unknown = || "not known".to_owned();
    format!(
        "{}, {} cores, Linux {}, load {}; sandlab {}, wasmtime {}, commit {}",
        environment.cpu.as_deref().unwrap_or("processor not known"),
        environment.cores.map_or_else(unknown, |n| n.to_string()),
        environment.kernel,
        environment.load.map_or_else(unknown, |n| n.to_string()),
        environment.sandlab,
        environment.wasmtime,
        environment.commit.clone().unwrap_or_else(unknown),
    )
}

/// How agents were built, once each way.
pub(super) fn builds(agents: &[Measured]) -> BTreeSet<String> {
    let manifests = agents.iter().filter_map(|agent| agent.built.as_ref());
    let lines = manifests.map(|built| {
        format!(
            "built with {}; component: {} {}; twin: {} {}",
            built.rustc,
            built.component.target,
            built.component.rustflags.join(" "),
            built.twin.target,
            built.twin.rustflags.join(" "),
        )
    });
    lines.collect()
}

fn remarks(run: &Run) -> Vec<String> {
    let notes = run.notes.iter().map(|note| format!("note: {note}"));
    let failures = run.failures.iter().map(|text| format!("failed: {text}"));
    let mut lines: Vec<_> = notes.chain(failures).collect();
    if !run.complete {
        lines.push("note: not complete: this is what had been measured until then".to_owned());
    }
    lines
}
