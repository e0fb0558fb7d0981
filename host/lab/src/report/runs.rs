//! Lists of stored runs, and the contents of one.

use super::page::{broken, builds, machine};
use super::table::{Style, draw_within};
use crate::metrics::Topic;
use crate::metrics::format::grouped;
use crate::printable::{printable, printable_lines};
use crate::record::{Document, Listed, RunId};
use crate::view::{Form, Table};
use sandlab_runtime::span;
use std::collections::BTreeMap;

/// Writes a line per run, or more where it would be wider than this.
pub fn list(runs: &[Listed], width: usize) -> String {
    let table = Table::of("runs", "Runs", Topic::Overhead, runs)
        .number("run", "run", Form::Integer, |run| Some(run.id as f64))
        .text("started", "started", |run| seconds(&run.begin.started))
        .text("command", "command", |run| run.begin.command.clone())
        .text("agents", "agents", |run| match run.begin.agents.as_slice() {
            [] => "-".to_owned(),
            [one] => one.agent.clone(),
            [one, others @ ..] => format!("{} and {} more", one.agent, others.len()),
        })
        .text("commit", "commit", |run| {
            let commit = run.begin.environment.commit.as_deref();
            commit.unwrap_or("-").to_owned()
        })
        .text("ended", "ended", |run| match &run.end {
            Some(end) if end.complete => "complete",
            Some(_) => "not complete",
            None => "no end",
        })
        .text("baseline", "baseline", |run| run.baselines.join(", "))
        .done();
    draw_within(&table, Style::Plain, width)
}

/// Writes the records of a run, in lines of at most this width.
pub fn show(id: RunId, run: &Document, width: usize) -> String {
    let begin = &run.begin;
    let mut lines = vec![
        format!("run {id}: {}, started {}", begin.command, begin.started),
        machine(&begin.environment),
    ];
    lines.extend(builds(&begin.agents));
    for agent in &begin.agents {
        lines.push(format!(
            "agent {}: component sha256 {}",
            printable(&agent.agent),
            agent.component
        ));
    }
    if let Some(settings) = begin.settings {
        lines.push(format!(
            "at most {} rounds that count, slices of at least {}, seed {}",
            settings.rounds,
            span(settings.slice),
            settings.seed
        ));
    }
    let mut parts = BTreeMap::<_, (usize, usize, u64)>::new();
    for part in &run.parts {
        let rounds = part.rounds.len();
        if rounds > 0 {
            let (kind, agent) = (&part.part.experiment, &part.part.agent);
            let bytes = part.part.bytes().unwrap_or(0);
            let sides = part.part.sides.join(", ");
            let agent = printable(agent);
            lines.push(format!("{kind} of {agent}, {bytes} bytes: {rounds} rounds on {sides}"));
            continue;
        }
        let name = (part.part.experiment.clone(), part.part.backend_name());
        let (parts, windows, messages) = parts.entry(name).or_default();
        *parts += 1;
        *windows += part.windows.len();
        let latencies = part.windows.iter().map(|window| window.latency.count());
        *messages += latencies.sum::<u64>();
    }
    for ((experiment, backend), (parts, windows, messages)) in parts {
        lines.push(format!(
            "{experiment} on {backend}: {parts} parts, {windows} windows, {} latencies",
            grouped(messages as f64)
        ));
    }
    lines.extend(run.notes.iter().map(|note| format!("note: {note}")));
    match &run.end {
        Some(end) if end.complete => lines.push("complete".to_owned()),
        Some(end) => lines.extend(end.failures.iter().map(|text| format!("failed: {text}"))),
        None => lines.push("it has no end: it was killed, or is still going on".to_owned()),
    }
    let lines = lines.iter().map(|text| printable_lines(text));
    lines.map(|text| broken(&text, width, "  ") + "\n").collect()
}

/// Returns `2025-01-15 10:20:30` of a time as RFC 3339 has it.
pub(super) fn seconds(time: &str) -> String {
    let whole = time.split(['.', 'Z']).next().unwrap_or_default();
    whole.replace('T', " ")
}
