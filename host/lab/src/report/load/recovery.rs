//! How agents came back from faults, and what the others felt.

use crate::experiments::record::Finding;
use crate::metrics::format::{grouped, or_dash, time, times};
use crate::record::Measurement;
use crate::record::Phase;
use crate::report::table::{Align, Cell, Style, Table};

pub fn blocks(parts: &[&Measurement], style: Style) -> Vec<String> {
    if parts.is_empty() {
        return Vec::new();
    }
    let mut table = Table::new([
        ("faults", Align::Left),
        ("agents", Align::Right),
        ("offered/s", Align::Right),
        ("number", Align::Right),
        ("back", Align::Right),
        ("back p50", Align::Right),
        ("back p99", Align::Right),
        ("back max", Align::Right),
        ("failed", Align::Right),
        ("lost", Align::Right),
        ("others' p99", Align::Right),
        ("with faults", Align::Right),
        ("ratio", Align::Right),
    ]);
    for measurement in parts {
        let found = measurement
            .findings
            .iter()
            .find_map(|finding| match finding {
                Finding::Recovery(found) => Some(found),
                _ => None,
            });
        let Some(found) = found else {
            continue;
        };
        let p99 = |phase| measurement.phase(phase)?.latency.quantile(0.99);
        let (quiet, faulty) = (p99(Phase::Steady), p99(Phase::Faults));
        let ratio = faulty.zip(quiet).map(|(faulty, quiet)| faulty / quiet);
        let back = |share| or_dash(found.time.quantile(share), time);
        table.add([
            Cell::plain(measurement.part.backend),
            Cell::plain(measurement.part.agents),
            Cell::plain(or_dash(measurement.part.rate, grouped)),
            Cell::plain(found.faults),
            Cell::plain(found.time.count()),
            Cell::plain(back(0.5)),
            Cell::strong(back(0.99)),
            Cell::plain(or_dash(found.time.max(), time)),
            Cell::plain(found.failed),
            Cell::plain(found.lost),
            Cell::plain(or_dash(quiet, time)),
            Cell::plain(or_dash(faulty, time)),
            Cell::strong(or_dash(ratio, times)),
        ]);
    }
    vec![table.draw(style)]
}
