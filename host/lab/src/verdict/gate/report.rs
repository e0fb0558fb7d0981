//! One gate: the verdicts, and the conditions of the measurement.

use super::{Growth, Judged, Outcome, Verdict};
use crate::record::{Environment, Noise};
use crate::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The version of a gate's fields.
pub const SCHEMA: &str = "sandlab.gate/1";

/// The two builds, and the test that compares them.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Compared {
    /// The old build, or the baseline.
    pub old: String,
    /// The new build, or the run that was compared with the baseline.
    pub new: String,
    /// One observation in words: `two fresh processes`, say.
    pub unit: String,
    /// The correction for many metrics at once.
    pub correction: String,
    /// The probability of a false regression, before it is confirmed.
    pub alpha: f64,
}

/// Whether a gate's verdicts are all that there is to say.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Ended {
    /// Whether all metrics were measured.
    pub decided: bool,
    /// Whether the new build did not do what it must, so that the gate does not hold whatever was
    /// measured.
    pub failed: bool,
}

/// A gate's verdicts.
#[derive(Debug, Clone, Serialize)]
pub struct GateReport {
    /// The version of these fields.
    pub schema: &'static str,
    /// Both sides by name, and their metrics.
    #[serde(flatten)]
    pub compared: Compared,
    /// `decided` and `failed`, flattened; neither is derived from the metrics.
    #[serde(flatten)]
    pub ended: Ended,
    /// The metrics, counted ones first.
    pub metrics: Vec<Judged>,
    /// The functions that grew most where a message takes longer or burns more fuel; none if both
    /// builds were not sampled.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub grown: Vec<Growth>,
    /// Remarks that bear on the verdicts, such as too few pairs.
    pub notes: Vec<String>,
    /// Errors that kept metrics from being measured; empty if all were.
    pub failures: Vec<String>,
    /// The machine that measured it.
    pub environment: Environment,
    /// Disturbances by other processes during the measurement.
    pub noise: Noise,
}

impl GateReport {
    /// Returns the worst that a metric does.
    pub fn outcome(&self) -> Outcome {
        outcome(&self.metrics)
    }

    /// Returns the result of the gate in a line.
    pub fn headline(&self) -> String {
        headline(&self.metrics, self.ended)
    }

    /// Returns an error for metrics that regressed, or are inconclusive where that fails the gate.
    ///
    /// # Errors
    /// [`Error::TargetsMissed`] if there is any; otherwise [`Error::NotJudged`] if a metric that
    /// gates is not judged.
    pub fn verdict(&self) -> Result<()> {
        let gating = self.metrics.iter().filter(|judged| judged.rule.gates);
        let not_judged = gating.filter(|judged| judged.because.is_some());
        let not_judged: Vec<_> = not_judged.map(Judged::sentence).collect();
        match objections(&self.metrics) {
            lines if !lines.is_empty() => Err(Error::TargetsMissed(lines)),
            _ if !not_judged.is_empty() => Err(Error::NotJudged(not_judged)),
            _ => Ok(()),
        }
    }
}

/// Returns a sentence for each metric for which the gate does not hold.
pub fn objections(metrics: &[Judged]) -> Vec<String> {
    let failing = metrics.iter().filter(|judged| judged.outcome() == Outcome::Fail);
    failing.map(Judged::sentence).collect()
}

fn outcome(metrics: &[Judged]) -> Outcome {
    metrics.iter().map(Judged::outcome).max().unwrap_or(Outcome::Pass)
}

/// Returns the result of a gate in a line: whether it holds, and the number of each verdict.
pub fn headline(metrics: &[Judged], ended: Ended) -> String {
    let is_judged = |judged: &&Judged| judged.because.is_none();
    let counts = Verdict::ALL.map(|verdict| {
        let judged = metrics.iter().filter(is_judged);
        let count = judged.filter(|judged| judged.verdict == verdict).count();
        format!("{count} {}", verdict.name())
    });
    let not_judged = metrics.len() - metrics.iter().filter(is_judged).count();
    let not_judged = (not_judged > 0).then(|| format!("{not_judged} not judged"));
    let failed = ended.failed.then(|| "the new build failed".to_owned());
    let counts: Vec<_> = failed.into_iter().chain(counts).chain(not_judged).collect();
    let worst = outcome(metrics);
    let outcome = match () {
        () if ended.failed || worst == Outcome::Fail => "does not hold",
        () if !ended.decided => "is not decided, because not all was measured",
        () if worst == Outcome::Warn => "holds, with warnings",
        () => "holds",
    };
    format!("The gate {outcome}: {}", counts.join(", "))
}
