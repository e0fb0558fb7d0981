//! Which runs are stored, and what is stored of one.

use super::page::{builds, machine};
use super::table::{Align, Cell, Style, Table};
use crate::metrics::format::grouped;
use crate::record::{Document, Listed, RunId};
use std::collections::BTreeMap;

/// A line a run.
pub fn list(runs: &[Listed]) -> String {
    let mut table = Table::new([
        ("run", Align::Right),
        ("started", Align::Left),
        ("command", Align::Left),
        ("agents", Align::Left),
        ("commit", Align::Left),
        ("ended", Align::Left),
        ("baseline", Align::Left),
    ]);
    for run in runs {
        let agents = match run.begin.agents.as_slice() {
            [] => "-".to_owned(),
            [one] => one.agent.clone(),
            [one, others @ ..] => format!("{} and {} more", one.agent, others.len()),
        };
        let commit = run.begin.environment.commit.as_deref();
        table.add([
            Cell::plain(run.id),
            Cell::plain(seconds(&run.begin.started)),
            Cell::plain(&run.begin.command),
            Cell::plain(agents),
            Cell::plain(commit.unwrap_or("-")),
            Cell::plain(match &run.end {
                Some(end) if end.complete => "complete",
                Some(_) => "not complete",
                None => "no end: killed, or going on",
            }),
            Cell::plain(run.baselines.join(", ")),
        ]);
    }
    table.draw(Style::Plain)
}

/// What is stored of a run.
pub fn show(id: RunId, run: &Document) -> String {
    let begin = &run.begin;
    let mut lines = vec![
        format!("run {id}: {}, started {}", begin.command, begin.started),
        machine(&begin.environment),
    ];
    lines.extend(builds(&begin.agents));
    for agent in &begin.agents {
        lines.push(format!(
            "agent {}: component sha256 {}",
            agent.agent, agent.component
        ));
    }
    if let Some(settings) = begin.settings {
        lines.push(format!(
            "{} rounds, slices of at least {:?}, seed {}",
            settings.rounds, settings.slice, settings.seed
        ));
    }
    let cases = [("comparison", &run.comparisons), ("ladder", &run.ladders)];
    for (what, cases) in cases {
        for case in cases {
            lines.push(format!(
                "{what} of {}, {} bytes: {} rounds on {}",
                case.agent,
                case.mean_bytes,
                case.rounds(),
                case.sides
                    .iter()
                    .map(|side| side.side.as_str())
                    .collect::<Vec<_>>()
                    .join(", "),
            ));
        }
    }
    let mut parts = BTreeMap::<_, (usize, usize, u64)>::new();
    for part in &run.parts {
        let name = (part.part.experiment.name(), part.part.backend.name());
        let (parts, intervals, messages) = parts.entry(name).or_default();
        *parts += 1;
        *intervals += part.intervals.len();
        *messages += part
            .intervals
            .iter()
            .map(|interval| interval.latency.count())
            .sum::<u64>();
    }
    for ((experiment, backend), (parts, intervals, messages)) in parts {
        lines.push(format!(
            "{experiment} on {backend}: {parts} parts, {intervals} intervals, {} latencies",
            grouped(messages as f64)
        ));
    }
    lines.extend(run.notes.iter().map(|note| format!("note: {note}")));
    match &run.end {
        Some(end) if end.complete => lines.push("complete".to_owned()),
        Some(end) => lines.extend(end.failures.iter().map(|text| format!("failed: {text}"))),
        None => lines.push("it has no end: it was killed, or is still going on".to_owned()),
    }
    lines.join("\n") + "\n"
}

/// `2025-01-15 10:20:30`, of RFC 3339
pub(super) fn seconds(time: &str) -> String {
    let whole = time.split(['.', 'Z']).next().unwrap_or_default();
    whole.replace('T', " ")
}
