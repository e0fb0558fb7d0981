//! What more agents cost, and the law behind it.

use crate::experiments::load::Footprint;
use crate::experiments::record::Finding;
use crate::metrics::format::{grouped, or_dash, size, time};
use crate::record::Measurement;
use crate::report::page::list;
use crate::report::table::{Align, Cell, Style, Table};
use crate::stats::Scalability;
use sandlab_runtime::BackendKind;

pub fn blocks(parts: &[&Measurement], style: Style) -> Vec<String> {
    if parts.is_empty() {
        return Vec::new();
    }
    let laws = BackendKind::ALL
        .into_iter()
        .filter_map(|kind| law(parts, kind));
    vec![table(parts).draw(style), list(laws.collect(), style)]
}

fn table(parts: &[&Measurement]) -> Table {
    let mut table = Table::new([
        ("backend", Align::Left),
        ("agents", Align::Right),
        ("spawn all", Align::Right),
        ("spawn one", Align::Right),
        ("in flight", Align::Right),
        ("messages/s", Align::Right),
        ("CPU a message", Align::Right),
        ("resident one", Align::Right),
        ("linear memory one", Align::Right),
    ]);
    for measurement in parts {
        let part = &measurement.part;
        let (Some(footprint), Some(closed)) = (footprint(measurement), measurement.closed()) else {
            continue;
        };
        let agents = part.agents as f64;
        let one = |bytes: u64| size(bytes / part.agents as u64);
        table.add([
            Cell::plain(part.backend),
            Cell::plain(part.agents),
            Cell::plain(time(footprint.spawned_in * 1e9)),
            Cell::plain(time(footprint.spawned_in * 1e9 / agents)),
            Cell::plain(grouped(closed.in_flight())),
            Cell::strong(grouped(closed.rate())),
            Cell::plain(or_dash(closed.cpu_a_message(), time)),
            Cell::plain(footprint.resident.map_or_else(|| "-".to_owned(), one)),
            Cell::plain(or_dash(
                (footprint.linear_memory > 0).then_some(footprint.linear_memory as f64 / agents),
                |bytes| size(bytes as u64),
            )),
        ]);
    }
    table
}

/// The law of one backend, in words.
fn law(parts: &[&Measurement], kind: BackendKind) -> Option<String> {
    let of_kind = parts.iter().filter(|m| m.part.backend == kind);
    let points: Vec<(f64, f64)> = of_kind
        .filter_map(|m| Some((m.part.agents as f64, m.closed()?.rate())))
        .collect();
    let law = Scalability::fit(&points)?;
    let peak = match law.peak() {
        Some(peak) => format!("it is highest with {} agents", grouped(peak)),
        None => "more agents never make it less".to_owned(),
    };
    Some(format!(
        "{kind}, Universal Scalability Law: one agent alone λ = {}/s; σ = {:.4}, the share of \
         the work that waits for others; κ = {:.1e}, what each pair of agents costs, so that \
         {peak}; the law is at most {:.0} % off",
        grouped(law.lambda),
        law.sigma,
        law.kappa,
        law.worst * 100.0
    ))
}

fn footprint(measurement: &Measurement) -> Option<&Footprint> {
    measurement
        .findings
        .iter()
        .find_map(|finding| match finding {
            Finding::Footprint(footprint) => Some(footprint),
            _ => None,
        })
}
