//! How long messages take at a rate, and where the time goes.

use crate::experiments::record::Finding;
use crate::metrics::format::{grouped, or_dash, percent, size, time};
use crate::record::Measurement;
use crate::record::Phase;
use crate::report::table::{Align, Cell, Style, Table};
use crate::stats::Distribution;

pub fn blocks(parts: &[&Measurement], style: Style) -> Vec<String> {
    if parts.is_empty() {
        return Vec::new();
    }
    vec![latency(parts).draw(style), origin(parts).draw(style)]
}

fn latency(parts: &[&Measurement]) -> Table {
    let mut table = Table::new([
        ("load", Align::Left),
        ("backend", Align::Left),
        ("agents", Align::Right),
        ("message", Align::Right),
        ("offered/s", Align::Right),
        ("good/s", Align::Right),
        ("good", Align::Right),
        ("p50", Align::Right),
        ("p90", Align::Right),
        ("p95", Align::Right),
        ("p99", Align::Right),
        ("p99.9", Align::Right),
        ("max", Align::Right),
    ]);
    for measurement in parts {
        let part = &measurement.part;
        let Some(steady) = measurement.phase(Phase::Steady) else {
            continue;
        };
        let at = |share| or_dash(steady.latency.quantile(share), time);
        table.add([
            Cell::plain(part.experiment.name()),
            Cell::plain(part.backend),
            Cell::plain(part.agents),
            Cell::plain(size(part.size as u64)),
            Cell::plain(or_dash(part.rate, grouped)),
            Cell::plain(grouped(steady.rate())),
            Cell::plain(or_dash(steady.goodput(), percent)),
            Cell::strong(at(0.5)),
            Cell::plain(at(0.9)),
            Cell::plain(at(0.95)),
            Cell::strong(at(0.99)),
            Cell::plain(at(0.999)),
            Cell::plain(or_dash(steady.latency.max(), time)),
        ]);
    }
    table
}

/// Latency is lag and service; of the service, the agent's own time is a part.
fn origin(parts: &[&Measurement]) -> Table {
    let mut table = Table::new([
        ("load", Align::Left),
        ("backend", Align::Left),
        ("lag p50", Align::Right),
        ("lag p99", Align::Right),
        ("service p50", Align::Right),
        ("service p99", Align::Right),
        ("agent p50", Align::Right),
        ("agent p99", Align::Right),
        ("CPU a message", Align::Right),
        ("generator's CPU", Align::Right),
        ("shards", Align::Right),
    ]);
    for measurement in parts {
        let Some(steady) = measurement.phase(Phase::Steady) else {
            continue;
        };
        let own = measurement.findings.iter().find_map(own_time);
        let of = |times: &Distribution, share| or_dash(times.quantile(share), time);
        let own = |share| or_dash(own.and_then(|own| own.quantile(share)), time);
        let generator = steady.generator_cpu_ns as f64 / 1e9 / steady.seconds();
        table.add([
            Cell::plain(measurement.part.experiment.name()),
            Cell::plain(measurement.part.backend),
            Cell::plain(of(&steady.lag, 0.5)),
            Cell::plain(of(&steady.lag, 0.99)),
            Cell::plain(of(&steady.service, 0.5)),
            Cell::plain(of(&steady.service, 0.99)),
            Cell::plain(own(0.5)),
            Cell::plain(own(0.99)),
            Cell::plain(or_dash(steady.cpu_per_message(), time)),
            Cell::plain(percent(generator)),
            Cell::plain(measurement.part.shards),
        ]);
    }
    table
}

fn own_time(finding: &Finding) -> Option<&Distribution> {
    match finding {
        Finding::Response { time } => Some(time),
        _ => None,
    }
}
