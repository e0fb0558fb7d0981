//! What a message costs on each backend, and by how much more than on the native twin.

use super::table::{Align, Cell, Table};
use crate::metrics::format::{plain, quoted, range, size, time, times};
use crate::sampling::interleave::Sampled;
use crate::stats::{Estimate, geometric_mean, median_interval};
use crate::workload::{COMPUTE, SIZES};
use sandlab_runtime::BackendKind;
use std::fmt::Write;

/// Comparisons, summed up.
pub struct Comparison {
    /// One an agent, size and backend, in the order that they were measured.
    pub rows: Vec<Row>,
    /// The geometric mean of wasm/native over the reference agents that compute, by
    /// message size.
    pub means: Vec<Mean>,
    /// For each backend but native, the number of its ratios, and their geometric mean.
    pub overall: Vec<(String, usize, f64)>,
}

/// One agent, size and backend.
pub struct Row {
    /// The agent.
    pub agent: String,
    /// The message's mean size, bytes.
    pub bytes: u64,
    /// The stated size, if there is one.
    pub size: Option<usize>,
    /// The backend.
    pub backend: String,
    /// Nanoseconds a message.
    pub ns: Estimate,
    /// This backend's time by the native twin's, in the same round.
    pub ratio: Option<Estimate>,
    /// Rounds.
    pub rounds: usize,
}

/// The mean cost of the sandbox at one size.
pub struct Mean {
    /// The messages' size, bytes.
    pub size: usize,
    /// Agents that it is the mean of.
    pub agents: usize,
    /// The geometric mean of wasm/native.
    pub ratio: f64,
}

impl Comparison {
    /// Sums up what was sampled.
    pub fn of(cases: &[Sampled]) -> Self {
        let rows: Vec<Row> = cases.iter().flat_map(rows_of).collect();
        let means = SIZES.into_iter().filter_map(|size| mean(size, &rows));
        let means = means.collect();
        let kinds = BackendKind::ALL.into_iter();
        let overall = kinds.filter_map(|kind| overall(kind, &rows)).collect();
        Self {
            rows,
            means,
            overall,
        }
    }

    /// For a person.
    pub(super) fn table(&self) -> Table {
        let mut table = Table::new([
            ("agent", Align::Left),
            ("message", Align::Right),
            ("backend", Align::Left),
            ("a message", Align::Right),
            ("95 % interval", Align::Right),
            ("of native", Align::Right),
            ("95 % interval", Align::Right),
        ]);
        let dash = || "-".to_owned();
        for row in &self.rows {
            let ratio = row.ratio;
            table.add([
                Cell::plain(&row.agent),
                Cell::plain(size(row.bytes)),
                Cell::plain(&row.backend),
                Cell::plain(time(row.ns.value)),
                Cell::dim(range(row.ns, time)),
                Cell::strong(ratio.map_or_else(dash, |ratio| times(ratio.value))),
                Cell::dim(ratio.map_or_else(dash, |ratio| range(ratio, times))),
            ]);
        }
        table
    }

    /// What the table says, in a sentence a size.
    pub(super) fn sentences(&self) -> Vec<String> {
        let sentence = |mean: &Mean| {
            format!(
                "wasm costs {} times native at {}: geometric mean of {} computing agents",
                times(mean.ratio),
                size(mean.size as u64),
                mean.agents
            )
        };
        let overall = self.overall.iter().map(|(backend, count, ratio)| {
            format!(
                "{backend} costs {} times native: geometric mean of all {count} rows",
                times(*ratio)
            )
        });
        self.means.iter().map(sentence).chain(overall).collect()
    }

    /// One line an agent, size and backend; times in nanoseconds.
    pub(super) fn csv(&self) -> String {
        let mut text =
            "agent,bytes,backend,rounds,ns,ns_low,ns_high,ratio,ratio_low,ratio_high\n".to_owned();
        for row in &self.rows {
            let ratio = row.ratio;
            let numbers = [
                Some(row.ns.value),
                row.ns.low,
                row.ns.high,
                ratio.map(|r| r.value),
                ratio.and_then(|r| r.low),
                ratio.and_then(|r| r.high),
            ];
            let _ = writeln!(
                text,
                "{},{},{},{},{}",
                quoted(&row.agent),
                row.bytes,
                row.backend,
                row.rounds,
                numbers.map(plain).join(",")
            );
        }
        text
    }
}

fn rows_of(case: &Sampled) -> Vec<Row> {
    let native = BackendKind::Native.name();
    let rows = case.sides.iter().filter_map(|side| {
        let ratio = median_interval(&case.ratios(&side.side, native));
        let ratio = ratio.filter(|_| side.side != native);
        Some(Row {
            agent: case.agent.clone(),
            bytes: case.mean_bytes,
            size: case.size,
            backend: side.side.clone(),
            ns: median_interval(&side.ns)?,
            ratio,
            rounds: side.ns.len(),
        })
    });
    rows.collect()
}

fn overall(backend: BackendKind, rows: &[Row]) -> Option<(String, usize, f64)> {
    let rows = rows.iter().filter(|row| row.backend == backend.name());
    let ratios: Vec<f64> = rows.filter_map(|row| Some(row.ratio?.value)).collect();
    Some((backend.to_string(), ratios.len(), geometric_mean(&ratios)?))
}

fn mean(size: usize, rows: &[Row]) -> Option<Mean> {
    let rows = rows.iter().filter(|row| {
        row.size == Some(size)
            && row.backend == BackendKind::Wasm.name()
            && COMPUTE.contains(&row.agent.as_str())
    });
    let ratios: Vec<f64> = rows.filter_map(|row| Some(row.ratio?.value)).collect();
    Some(Mean {
        size,
        agents: ratios.len(),
        ratio: geometric_mean(&ratios)?,
    })
}
