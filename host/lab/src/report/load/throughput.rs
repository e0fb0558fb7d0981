//! Messages a second through the whole path.

use crate::metrics::format::{grouped, or_dash, percent, plain, quoted, size, time};
use crate::record::Measurement;
use crate::report::table::{Align, Cell, Style, Table};
use crate::sampling::closed_loop::{Clients, Load, Mode, Throughput};
use std::fmt::Write;

/// Above this, what is in flight and rate × time do not fit: something was not counted.
const LITTLE: f64 = 0.05;

pub fn blocks(parts: &[&Measurement], style: Style) -> Vec<String> {
    if parts.is_empty() {
        return Vec::new();
    }
    vec![table(parts).draw(style)]
}

/// What a reader must know of a part whose bookkeeping does not fit.
pub fn remark(measurement: &Measurement) -> Option<String> {
    let off = measurement.closed()?.little().filter(|off| *off > LITTLE)?;
    Some(format!(
        "{}: what was in flight is {} off rate × mean time",
        measurement.name(),
        percent(off)
    ))
}

fn rows<'a>(
    parts: &[&'a Measurement],
) -> impl Iterator<Item = (&'a Measurement, Load, Throughput)> {
    let rows = parts
        .iter()
        .filter_map(|m| Some((*m, m.part.closed?, m.closed()?)));
    rows.collect::<Vec<_>>().into_iter()
}

fn table(parts: &[&Measurement]) -> Table {
    let mut table = Table::new([
        ("backend", Align::Left),
        ("strategy", Align::Left),
        ("mode", Align::Left),
        ("agents", Align::Right),
        ("message", Align::Right),
        ("clients", Align::Left),
        ("in flight", Align::Right),
        ("messages/s", Align::Right),
        ("mean time", Align::Right),
        ("CPU a message", Align::Right),
        ("of it clients", Align::Right),
        ("Little", Align::Right),
    ]);
    for (measurement, load, counted) in rows(parts) {
        table.add([
            Cell::plain(measurement.part.backend),
            Cell::plain(load.strategy),
            Cell::plain(mode(load.mode)),
            Cell::plain(load.agents),
            Cell::plain(size(load.size as u64)),
            Cell::plain(placed(load)),
            Cell::plain(format!("{} × {}", load.connections, load.depth)),
            Cell::strong(grouped(counted.rate())),
            Cell::plain(or_dash(counted.mean_ns(), time)),
            Cell::plain(or_dash(counted.cpu_a_message(), time)),
            Cell::dim(or_dash(counted.client_cpu_a_message(), time)),
            Cell::dim(or_dash(counted.little(), percent)),
        ]);
    }
    table
}

/// Where the clients' work is done: a message from another core has to wake this one.
fn placed(load: Load) -> &'static str {
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

/// One line a load and backend; times in nanoseconds.
pub fn csv(parts: &[&Measurement]) -> String {
    let mut text =
        "agent,backend,strategy,mode,clients,agents,bytes,connections,depth,rate,mean_ns,\
                    cpu_ns,client_cpu_ns,in_flight,little\n"
            .to_owned();
    for (measurement, load, counted) in rows(parts) {
        let numbers = [
            Some(counted.rate()),
            counted.mean_ns(),
            counted.cpu_a_message(),
            counted.client_cpu_a_message(),
            Some(counted.in_flight()),
            counted.little(),
        ];
        let _ = writeln!(
            text,
            "{},{},{},{},{},{},{},{},{},{}",
            quoted(&measurement.part.agent),
            measurement.part.backend,
            load.strategy,
            mode(load.mode),
            placed(load),
            load.agents,
            load.size,
            load.connections,
            load.depth,
            numbers.map(plain).join(",")
        );
    }
    text
}
