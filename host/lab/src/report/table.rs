//! Tables: aligned for a terminal, piped for a page, comma-separated for a spreadsheet.

use super::summary::{Row, Summary};
use crate::results::Run;
use crate::stats::Interval;
use comfy_table::{CellAlignment, Table, TableStyle, presets};
use std::fmt::Write;

/// For a terminal.
pub fn text(run: &Run, summary: &Summary) -> String {
    page(run, summary, presets::NOTHING)
}

/// For a page.
pub fn markdown(run: &Run, summary: &Summary) -> String {
    page(run, summary, presets::ASCII_MARKDOWN)
}

fn page(run: &Run, summary: &Summary, style: TableStyle) -> String {
    let mut table = Table::new();
    table.load_style(style).set_header([
        "agent",
        "message",
        "backend",
        "a message",
        "95 % interval",
        "of native",
        "95 % interval",
    ]);
    for column in [1, 3, 4, 5, 6] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for row in &summary.rows {
        table.add_row(cells(row));
    }
    let mut page = format!("{table}\n\n");
    let mut line = |text: String| {
        let _ = writeln!(page, "{text}");
    };
    for (bytes, agents, mean) in &summary.compute {
        line(format!(
            "wasm costs {mean:.2} times native at {}: geometric mean of {agents} computing agents",
            size(*bytes as u64)
        ));
    }
    line(format!(
        "timing itself added at most {:.2} % to a message",
        summary.timing_share * 100.0
    ));
    let environment = &run.environment;
    line(format!(
        "{} rounds of fresh instances; {}, {} cores, Linux {}, load {}; wasmtime {}, sandlab {}",
        run.settings.rounds,
        environment.cpu.as_deref().unwrap_or("processor not known"),
        environment.cores.map_or("?".to_owned(), |n| n.to_string()),
        environment.kernel,
        environment
            .load
            .map_or("not known".to_owned(), |load| load.to_string()),
        environment.wasmtime,
        environment.sandlab,
    ));
    run.notes
        .iter()
        .for_each(|note| line(format!("note: {note}")));
    if !run.complete {
        line("note: stopped early: this is what had been measured until then".to_owned());
    }
    page
}

fn cells(row: &Row) -> [String; 7] {
    let missing = || "-".to_owned();
    [
        row.agent.clone(),
        size(row.bytes),
        row.backend.to_string(),
        time(row.ns.value),
        range(&row.ns, time).unwrap_or_else(missing),
        row.ratio.map_or_else(missing, |ratio| times(ratio.value)),
        row.ratio
            .and_then(|ratio| range(&ratio, times))
            .unwrap_or_else(missing),
    ]
}

fn range(interval: &Interval, show: impl Fn(f64) -> String) -> Option<String> {
    Some(format!(
        "{} – {}",
        show(interval.low?),
        show(interval.high?)
    ))
}

fn times(ratio: f64) -> String {
    format!("{ratio:.2}")
}

/// One line an agent, size and backend; times in nanoseconds.
pub fn csv(summary: &Summary) -> String {
    let mut text =
        "agent,bytes,backend,rounds,ns,ns_low,ns_high,ratio,ratio_low,ratio_high\n".to_owned();
    let number = |value: Option<f64>| value.map_or(String::new(), |value| format!("{value:.4}"));
    for row in &summary.rows {
        let ratio = row.ratio;
        let numbers = [
            Some(row.ns.value),
            row.ns.low,
            row.ns.high,
            ratio.map(|r| r.value),
            ratio.and_then(|r| r.low),
            ratio.and_then(|r| r.high),
        ];
        let (agent, bytes, backend, rounds) = (&row.agent, row.bytes, row.backend, row.rounds);
        let _ = writeln!(
            text,
            "{},{bytes},{backend},{rounds},{}",
            quoted(agent),
            numbers.map(number).join(",")
        );
    }
    text
}

/// A component's name is its file's, which may have a comma.
fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n']) {
        return format!("\"{}\"", field.replace('"', "\"\""));
    }
    field.to_owned()
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_024 => format!("{bytes} B"),
        1_024..1_048_576 => format!("{:.0} KiB", bytes as f64 / 1_024.0),
        _ => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    }
}

fn time(ns: f64) -> String {
    match ns {
        ..1e3 => format!("{ns:.0} ns"),
        ..1e6 => format!("{:.2} µs", ns / 1e3),
        ..1e9 => format!("{:.2} ms", ns / 1e6),
        _ => format!("{:.2} s", ns / 1e9),
    }
}
