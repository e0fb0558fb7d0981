//! How a burst was borne.

use crate::metrics::format::{grouped, or_dash, time};
use crate::record::Measurement;
use crate::record::Phase;
use crate::report::table::{Align, Cell, Style, Table};
use crate::verdict::recovered;

pub fn blocks(parts: &[&Measurement], style: Style) -> Vec<String> {
    if parts.is_empty() {
        return Vec::new();
    }
    let mut table = Table::new([
        ("burst", Align::Left),
        ("agents", Align::Right),
        ("offered/s", Align::Right),
        ("good/s", Align::Right),
        ("p99 before", Align::Right),
        ("p99 in it", Align::Right),
        ("p99 after", Align::Right),
        ("peak backlog", Align::Right),
        ("refused", Align::Right),
        ("failed", Align::Right),
        ("drained after", Align::Right),
        ("recovered after", Align::Right),
    ]);
    for measurement in parts {
        let (Some(found), Some(burst)) = (
            recovered(&measurement.series),
            measurement.phase(Phase::Burst),
        ) else {
            continue;
        };
        let p99 = |phase| {
            let phase = measurement.phase(phase);
            or_dash(phase.and_then(|p| p.latency.quantile(0.99)), time)
        };
        let since = |seconds: f64| format!("{seconds:.1} s");
        let refused: u64 = measurement.phases.iter().map(|p| p.refused).sum();
        table.add([
            Cell::plain(measurement.part.backend),
            Cell::plain(measurement.part.agents),
            Cell::plain(or_dash(measurement.part.rate, grouped)),
            Cell::plain(grouped(burst.rate())),
            Cell::plain(p99(Phase::Baseline)),
            Cell::strong(p99(Phase::Burst)),
            Cell::plain(p99(Phase::Recovery)),
            Cell::plain(grouped(found.peak_backlog as f64)),
            Cell::plain(refused),
            Cell::plain(found.failed),
            Cell::plain(or_dash(found.drained, since)),
            Cell::strong(
                found
                    .after
                    .map_or_else(|| format!("not within {:.0} s", found.watched), since),
            ),
        ]);
    }
    vec![table.draw(style)]
}
