//! What a gate makes of builds of which we know by how much they differ.

use super::floor::kind;
use super::{Judged, NoiseFloor, Outcome, Verdict};
use crate::record::Environment;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Gates of a guest against itself, and against itself with a slowdown planted.
pub struct Calibration {
    /// The first is the one with nothing planted.
    pub trials: Vec<Trial>,
}

/// Gates with one slowdown.
pub struct Trial {
    /// By which share the new build was made slower.
    pub share: f64,
    /// What each gate found.
    pub gates: Vec<Vec<Judged>>,
}

impl Trial {
    /// Gates that did not hold.
    pub fn failed(&self) -> usize {
        let failed = |gate: &&Vec<Judged>| gate.iter().any(|j| j.outcome() == Outcome::Fail);
        self.gates.iter().filter(failed).count()
    }

    /// Metrics with a verdict, over all gates, of those of one kind.
    pub fn called(&self, of: &str, verdict: Verdict) -> usize {
        let metrics = self.gates.iter().flatten();
        metrics
            .filter(|judged| kind(&judged.metric.name) == of && judged.verdict == verdict)
            .count()
    }

    /// The kinds of metrics: `spawn`, `time`.
    pub fn kinds(&self) -> Vec<&str> {
        let names = self
            .gates
            .iter()
            .flatten()
            .map(|judged| kind(&judged.metric.name));
        let mut kinds: Vec<_> = names.collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }
}

impl Calibration {
    /// The 99th percentile of the changes that were estimated where there was none.
    pub fn floor(&self, here: Environment) -> NoiseFloor {
        let mut changes: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        let same = self.trials.first();
        for judged in same
            .into_iter()
            .flat_map(|trial| trial.gates.iter().flatten())
        {
            if let Some(change) = judged.change {
                let of = changes.entry(kind(&judged.metric.name).to_owned());
                of.or_default().push(change.value.abs());
            }
        }
        let percentile = |mut values: Vec<f64>| {
            values.sort_by(f64::total_cmp);
            let rank = (values.len() as f64 * 0.99).ceil() as usize;
            values[rank.max(1) - 1]
        };
        NoiseFloor {
            measured: Timestamp::now().to_string(),
            cpu: here.cpu,
            cores: here.cores,
            runs: same.map_or(0, |trial| trial.gates.len() as u32),
            false_alarms: same.map_or(0, |trial| trial.failed() as u32),
            floor: changes
                .into_iter()
                .map(|(kind, values)| (kind, percentile(values)))
                .collect(),
        }
    }
}
