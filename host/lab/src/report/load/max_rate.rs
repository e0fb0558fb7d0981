//! The highest rate, and the steps that led to it.

use crate::experiments::load::Step;
use crate::experiments::record::Finding;
use crate::metrics::format::{grouped, or_dash, percent, plain, quoted, time};
use crate::record::Measurement;
use crate::report::table::{Align, Cell, Style, Table};
use std::fmt::Write;

pub fn blocks(parts: &[&Measurement], style: Style) -> Vec<String> {
    if parts.is_empty() {
        return Vec::new();
    }
    vec![steps(parts).draw(style), highest(parts).draw(style)]
}

fn steps(parts: &[&Measurement]) -> Table {
    let mut table = Table::new([
        ("backend", Align::Left),
        ("step", Align::Right),
        ("offered/s", Align::Right),
        ("good", Align::Right),
        ("p99", Align::Right),
        ("backlog", Align::Left),
        ("holds", Align::Left),
    ]);
    for measurement in parts {
        for (number, step) in steps_of(measurement).enumerate() {
            table.add([
                Cell::plain(measurement.part.backend),
                Cell::plain(number + 1),
                Cell::plain(grouped(step.rate)),
                Cell::plain(percent(step.goodput)),
                Cell::plain(or_dash(step.p99, time)),
                Cell::plain(if step.is_growing { "grows" } else { "steady" }),
                Cell::plain(if step.holds { "yes" } else { "no" }),
            ]);
        }
    }
    table
}

fn highest(parts: &[&Measurement]) -> Table {
    let mut table = Table::new([
        ("backend", Align::Left),
        ("agents", Align::Right),
        ("shards", Align::Right),
        ("closed loop/s", Align::Right),
        ("highest rate/s", Align::Right),
        ("too high/s", Align::Right),
    ]);
    for measurement in parts {
        let found = measurement
            .findings
            .iter()
            .find_map(|finding| match finding {
                Finding::MaxRate(found) => Some(found),
                _ => None,
            });
        let Some(found) = found else {
            continue;
        };
        table.add([
            Cell::plain(measurement.part.backend),
            Cell::plain(measurement.part.agents),
            Cell::plain(measurement.part.shards),
            Cell::plain(grouped(found.capacity)),
            Cell::strong(or_dash(found.highest, grouped)),
            Cell::plain(or_dash(found.too_high, grouped)),
        ]);
    }
    table
}

fn steps_of(measurement: &Measurement) -> impl Iterator<Item = &Step> {
    let findings = measurement.findings.iter();
    findings.filter_map(|finding| match finding {
        Finding::Step(step) => Some(step),
        _ => None,
    })
}

/// One line a step; times in nanoseconds.
pub fn csv(parts: &[&Measurement]) -> String {
    let mut text = "agent,backend,agents,bytes,offered,goodput,p99_ns,grows,holds\n".to_owned();
    for measurement in parts {
        let part = &measurement.part;
        for step in steps_of(measurement) {
            let _ = writeln!(
                text,
                "{},{},{},{},{},{},{},{},{}",
                quoted(&part.agent),
                part.backend,
                part.agents,
                part.size,
                plain(Some(step.rate)),
                plain(Some(step.goodput)),
                plain(step.p99),
                step.is_growing,
                step.holds,
            );
        }
    }
    text
}
