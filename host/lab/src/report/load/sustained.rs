//! What a long load left behind, and whether it was served worse in the end.

use crate::metrics::format::{range, times};
use crate::record::{Measurement, Point};
use crate::report::page::list;
use crate::report::table::{Align, Cell, Style, Table};
use crate::verdict::{degradation, leaks};

pub fn blocks(parts: &[&Measurement], style: Style) -> Vec<String> {
    if parts.is_empty() {
        return Vec::new();
    }
    let sentences = parts.iter().flat_map(|m| [leak(m), growth(m)]);
    vec![
        changes(parts).draw(style),
        list(sentences.flatten().collect(), style),
    ]
}

fn changes(parts: &[&Measurement]) -> Table {
    let mut table = Table::new([
        ("backend", Align::Left),
        ("last third by first", Align::Left),
        ("ratio", Align::Right),
        ("95 % interval", Align::Right),
        ("verdict", Align::Left),
    ]);
    for measurement in parts {
        for change in degradation(&measurement.series) {
            table.add([
                Cell::plain(measurement.part.backend),
                Cell::plain(change.what),
                Cell::strong(times(change.ratio.value)),
                Cell::dim(range(change.ratio, times)),
                Cell::plain(match change.is_flagged {
                    true => "WORSE by more than 5 %",
                    false => "not worse",
                }),
            ]);
        }
    }
    table
}

fn leak(measurement: &Measurement) -> Option<String> {
    let cycles = measurement.cycles();
    let name = measurement.name();
    let Some(leaks) = leaks(&cycles) else {
        return Some(format!(
            "{name}: {} cycles are too few to tell a leak; it takes 7",
            cycles.len()
        ));
    };
    if leaks.is_empty() {
        let heap = match cycles.iter().all(|cycle| cycle.heap.is_some()) {
            true => "the host's heap, ",
            false => "but not the host's heap, which only `sandlab load` counts: ",
        };
        return Some(format!(
            "{name}: no leak: nothing grew in each of the last 6 of {} cycles ({heap}\
             linear memory, agents, tasks, queued messages, all at rest)",
            cycles.len()
        ));
    }
    let found = leaks.iter().map(|leak| {
        format!(
            "{} by {:.3} {} a message",
            leak.what, leak.per_message, leak.unit
        )
    });
    let found: Vec<_> = found.collect();
    Some(format!(
        "{name}: LEAK: in each of the last 6 cycles grew {}",
        found.join(", ")
    ))
}

/// The slope of resident memory, by least squares: said, but not judged by.
fn growth(measurement: &Measurement) -> Option<String> {
    let points: Vec<(f64, f64)> = measurement
        .series
        .iter()
        .filter_map(|point: &Point| Some((point.at, point.resident? as f64)))
        .collect();
    let n = points.len() as f64;
    if n < 12.0 {
        return None;
    }
    let (x, y) = points
        .iter()
        .fold((0.0, 0.0), |(x, y), point| (x + point.0, y + point.1));
    let (x, y) = (x / n, y / n);
    let (covariance, variance) = points.iter().fold((0.0, 0.0), |(c, v), point| {
        let off = point.0 - x;
        (c + off * (point.1 - y), v + off * off)
    });
    let messages: u64 = measurement.series.iter().map(|point| point.good).sum();
    let seconds: f64 = measurement.series.iter().map(|point| point.seconds).sum();
    let slope = covariance / variance;
    Some(format!(
        "{}: resident memory grew by {:.3} bytes a message on a straight line through all \
         intervals; by itself that says little, compare it with the twin's",
        measurement.name(),
        slope * seconds / messages.max(1) as f64
    ))
}
