//! Shows messages per second through the whole path.

use super::Found;
use crate::experiments::{Shown, answers, closed_loops, labels};
use crate::metrics::{Topic, shared};
use crate::record::{Clients, ClosedLoop, ClosedWindow, Mode, Part};
use crate::view::{Emphasis, Form, Table, View};

/// A part with what it counted.
struct Row<'a> {
    part: &'a Part,
    load: ClosedLoop,
    counted: ClosedWindow,
}

pub(super) fn show(parts: &[Shown<Found>], to: &mut View) {
    let rows = parts.iter().filter_map(|part| {
        Some(Row { part: &part.part, load: part.part.closed?, counted: part.closed()? })
    });
    to.table(table(&rows.collect::<Vec<_>>()));
    let metrics = parts.iter().filter_map(|part| {
        let load = part.part.closed?;
        let labels = labels(&part.part)
            .with("mode", mode(load.mode))
            .with("strategy", load.strategy)
            .with("clients", placed(load))
            .with("in-flight", format!("{}x{}", load.connections, load.depth));
        Some(closed_loops::metrics(part, &labels))
    });
    let metrics: Vec<_> = metrics.flatten().collect();
    to.answer(answers::beside("messages", &shared::THROUGHPUT, &metrics));
    to.metrics.extend(metrics);
    for part in parts {
        closed_loops::note(part, to);
    }
}

fn table(rows: &[Row]) -> Table {
    Table::of(
        "throughput",
        "Messages per second, with a stated number in flight",
        Topic::Throughput,
        rows,
    )
    .text("agent", "agent", |row| row.part.agent.clone())
    .text("backend", "backend", |row| row.part.backend_name())
    .text("strategy", "strategy", |row| row.load.strategy)
    .text("mode", "mode", |row| mode(row.load.mode))
    .number("agents", "agents", Form::Integer, |row| Some(row.load.agents as f64))
    .number("message", "message", Form::Size, |row| Some(row.load.size as f64))
    .text("clients", "clients", |row| placed(row.load))
    .number("connections", "connections", Form::Integer, |row| Some(row.load.connections as f64))
    .number("depth", "depth", Form::Integer, |row| Some(row.load.depth.into()))
    .number("in_flight", "in flight", Form::Count, |row| Some(row.counted.in_flight()))
    .number("rate", "messages/s", Form::Rate, |row| Some(row.counted.rate()))
    .strong()
    .number("mean", "mean time", Form::Time, |row| row.counted.mean_ns())
    .number("cpu", "CPU/msg", Form::Time, |row| row.counted.cpu_per_message())
    .number("client_cpu", "of it clients", Form::Time, |row| row.counted.client_cpu_per_message())
    .seen(Emphasis::Dim)
    .number("little", "off Little's law", Form::Share, |row| row.counted.little())
    .seen(Emphasis::Dim)
    .done()
}

/// Returns where the clients' work is done: a message from another core has to wake this one.
fn placed(load: ClosedLoop) -> &'static str {
    match (load.mode, load.clients) {
        (Mode::Task, _) | (_, Clients::Threads) => "threads",
        (_, Clients::Shards) => "shards",
        (_, Clients::Local) => "local",
    }
}

fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Ask => "ask",
        Mode::Tell => "tell",
        Mode::Task => "task",
    }
}
