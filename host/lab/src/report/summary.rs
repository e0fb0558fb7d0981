//! What a run says: medians, ratios in the same round, their intervals and means.

use crate::results::Run;
use crate::stats::{Interval, geometric_mean, median_interval};
use crate::workload::COMPUTE;
use sandlab_runtime::BackendKind;

/// A run, summed up.
pub struct Summary {
    /// One an agent, size and backend, in the order that they were measured.
    pub rows: Vec<Row>,
    /// The geometric mean of wasm/native over the agents that compute, by message size.
    pub compute: Vec<(usize, usize, f64)>,
    /// The largest share that timing added to any median, of all rows.
    pub timing_share: f64,
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
    pub backend: BackendKind,
    /// Nanoseconds a message.
    pub ns: Interval,
    /// This backend's time by the native twin's, in the same round.
    pub ratio: Option<Interval>,
    /// Rounds.
    pub rounds: usize,
}

impl Summary {
    /// Sums up a run.
    pub fn of(run: &Run) -> Self {
        let mut rows = Vec::new();
        let mut timing_share = 0.0_f64;
        for case in &run.cases {
            let native = case
                .ns
                .iter()
                .find(|(kind, _)| *kind == BackendKind::Native);
            for (backend, samples) in &case.ns {
                let Some(ns) = median_interval(samples) else {
                    continue;
                };
                timing_share = timing_share.max(case.timing_ns / ns.value);
                let ratio = native
                    .filter(|(kind, _)| kind != backend)
                    .and_then(|(_, base)| {
                        let pairs = samples.iter().zip(base);
                        median_interval(&pairs.map(|(a, b)| a / b).collect::<Vec<_>>())
                    });
                rows.push(Row {
                    agent: case.agent.clone(),
                    bytes: case.mean_bytes,
                    size: case.size,
                    backend: *backend,
                    ns,
                    ratio,
                    rounds: samples.len(),
                });
            }
        }
        let compute = compute_means(&rows);
        Self {
            rows,
            compute,
            timing_share,
        }
    }
}

/// By size: the number of agents, and the mean of their ratios.
fn compute_means(rows: &[Row]) -> Vec<(usize, usize, f64)> {
    let of_size = |size: usize| {
        let rows = rows.iter().filter(|row| {
            row.size == Some(size)
                && row.backend == BackendKind::Wasm
                && COMPUTE.contains(&row.agent.as_str())
        });
        let ratios: Vec<f64> = rows.filter_map(|row| Some(row.ratio?.value)).collect();
        Some((size, ratios.len(), geometric_mean(&ratios)?))
    };
    crate::workload::SIZES
        .into_iter()
        .filter_map(of_size)
        .collect()
}
