//! Messages a second through the whole path.

use super::Format;
use super::table::{Align, Cell, Style, Table};
use super::units::{plain, quoted, size, time};
use crate::experiment::throughput::{Load, Mode, Throughput};
use crate::results::Environment;
use crate::{Error, Result};
use sandlab_runtime::BackendKind;
use serde::Serialize;
use std::fmt::Write;

/// One load on one backend.
#[derive(Debug, Serialize)]
pub struct Row {
    /// The agent that all were.
    pub agent: String,
    /// Where they ran.
    pub backend: BackendKind,
    /// With what they were loaded.
    pub load: Load,
    /// What came of it.
    pub measured: Throughput,
}

/// A run, as JSON.
#[derive(Serialize)]
struct Page<'a> {
    schema: &'static str,
    environment: Environment,
    rows: &'a [Row],
    notes: &'a [String],
}

/// Above this, what is in flight and rate × time do not fit: something was not counted.
const LITTLE: f64 = 0.05;

/// Writes the rows, and what a reader must know of them, in a format; only text can have
/// colours.
///
/// # Errors
/// If they cannot be encoded.
pub fn render(rows: &[Row], notes: &[String], format: Format, colours: bool) -> Result<String> {
    Ok(match format {
        Format::Text if colours => page(rows, notes, Style::Colour),
        Format::Text => page(rows, notes, Style::Plain),
        Format::Markdown => page(rows, notes, Style::Markdown),
        Format::Csv => csv(rows),
        Format::Json => {
            let page = Page {
                schema: "sandlab.throughput/1",
                environment: Environment::now(),
                rows,
                notes,
            };
            let json = serde_json::to_string_pretty(&page)
                .map_err(|error| Error::Machine(format!("cannot encode the rows: {error}")))?;
            json + "\n"
        }
    })
}

fn page(rows: &[Row], notes: &[String], style: Style) -> String {
    let mut table = Table::new([
        ("backend", Align::Left),
        ("strategy", Align::Left),
        ("mode", Align::Left),
        ("agents", Align::Right),
        ("message", Align::Right),
        ("in flight", Align::Right),
        ("messages/s", Align::Right),
        ("mean time", Align::Right),
        ("CPU a message", Align::Right),
        ("of it clients", Align::Right),
        ("Little", Align::Right),
    ]);
    let dash = || "-".to_owned();
    for row in rows {
        let Row { load, measured, .. } = row;
        table.add([
            Cell::plain(row.backend),
            Cell::plain(load.strategy),
            Cell::plain(mode(load.mode)),
            Cell::plain(load.agents),
            Cell::plain(size(load.size as u64)),
            Cell::plain(format!("{} × {}", load.connections, load.depth)),
            Cell::strong(format!("{:.0}", measured.rate)),
            Cell::plain(measured.mean_ns.map_or_else(dash, time)),
            Cell::plain(time(measured.cpu_ns)),
            Cell::dim(measured.client_cpu_ns.map_or_else(dash, time)),
            Cell::dim(
                measured
                    .little
                    .map_or_else(dash, |off| format!("{:.1} %", off * 100.0)),
            ),
        ]);
    }
    let mut page = table.draw(style);
    for note in notes {
        let _ = writeln!(page, "note: {note}");
    }
    let off = rows
        .iter()
        .filter(|row| row.measured.little.is_some_and(|off| off > LITTLE));
    for row in off {
        let _ = writeln!(
            page,
            "note: {} with {} agents: what was in flight is not rate × mean time within 5 %",
            row.backend, row.load.agents
        );
    }
    page
}

fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Ask => "ask",
        Mode::Tell => "tell",
    }
}

/// One line a load and backend; times in nanoseconds.
fn csv(rows: &[Row]) -> String {
    let mut text =
        "agent,backend,strategy,mode,agents,bytes,connections,depth,rate,mean_ns,cpu_ns,\
                    client_cpu_ns,in_flight,little\n"
            .to_owned();
    for row in rows {
        let Row { load, measured, .. } = row;
        let numbers = [
            Some(measured.rate),
            measured.mean_ns,
            Some(measured.cpu_ns),
            measured.client_cpu_ns,
            Some(measured.in_flight),
            measured.little,
        ];
        let _ = writeln!(
            text,
            "{},{},{},{},{},{},{},{},{}",
            quoted(&row.agent),
            row.backend,
            load.strategy,
            mode(load.mode),
            load.agents,
            load.size,
            load.connections,
            load.depth,
            numbers.map(plain).join(",")
        );
    }
    text
}
