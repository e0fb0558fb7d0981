//! The verdicts of gates on builds whose true difference is known.

use super::floor::kind;
use super::{Judged, NoiseFloor, Outcome, Verdict};
use crate::record::Environment;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Gates of a guest against itself, and against itself with an injected slowdown.
pub struct Calibration {
    /// The gates by slowdown; the first is the one without any.
    pub trials: Vec<Trial>,
}

/// Gates with one slowdown.
pub struct Trial {
    /// The share by which the new build was made slower: 0.02 is 2 %.
    pub share: f64,
    /// The verdicts of each gate, in order.
    pub gates: Vec<Vec<Judged>>,
}

impl Trial {
    /// Returns the number of gates that did not hold.
    pub fn failed(&self) -> usize {
        let failed = |gate: &&Vec<Judged>| gate.iter().any(|j| j.outcome() == Outcome::Fail);
        self.gates.iter().filter(failed).count()
    }

    /// Returns how many metrics of one kind had a verdict, over all gates.
    pub fn called(&self, of: &str, verdict: Verdict) -> usize {
        let metrics = self.gates.iter().flatten();
        metrics
            .filter(|judged| kind(&judged.metric.name) == of && judged.verdict == verdict)
            .count()
    }

    /// Returns the kinds of metrics: `spawn`, `time`.
    pub fn kinds(&self) -> Vec<&str> {
        let names = self.gates.iter().flatten().map(|judged| kind(&judged.metric.name));
        let mut kinds: Vec<_> = names.collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }
}

impl Calibration {
    /// Returns the number of gates without a slowdown, and how many of them did not hold.
    pub fn false_alarms(&self) -> (usize, usize) {
        let same = self.trials.first();
        same.map_or((0, 0), |trial| (trial.gates.len(), trial.failed()))
    }

    /// Returns the 99th percentile of the changes that were estimated where there was none, by
    /// kind of metric.
    pub fn noise(&self) -> BTreeMap<String, f64> {
        let mut changes: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        let gates = self.trials.first().into_iter().flat_map(|trial| &trial.gates);
        for judged in gates.flatten() {
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
        let noise = changes.into_iter().map(|(kind, values)| (kind, percentile(values)));
        noise.collect()
    }

    /// Returns the noise floor that follows from it.
    pub fn floor(&self, here: &Environment) -> NoiseFloor {
        let (runs, false_alarms) = self.false_alarms();
        NoiseFloor {
            measured: Timestamp::now().to_string(),
            cpu: here.cpu.clone(),
            cores: here.cores,
            runs: runs as u32,
            false_alarms: false_alarms as u32,
            floor: self.noise(),
        }
    }
}
