//! One gate: the verdicts, and what they were reached under.

use super::{Judged, Outcome, Verdict};
use crate::record::{Environment, Noise};
use crate::{Error, Result};
use serde::Serialize;

/// The version of a gate's fields.
pub const SCHEMA: &str = "sandlab.gate/1";

/// A gate's verdicts.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Gated {
    /// The version of these fields.
    pub schema: &'static str,
    /// What was held against what.
    pub old: String,
    /// What was held against it.
    pub new: String,
    /// What one observation is: `fresh instances`, say.
    pub unit: &'static str,
    /// How many metrics at once were corrected for.
    pub correction: &'static str,
    /// The probability of a false regression, before it is confirmed.
    pub alpha: f64,
    /// The metrics: what is counted first.
    pub metrics: Vec<Judged>,
    /// What a reader must know.
    pub notes: Vec<String>,
    /// Where it was measured.
    pub environment: Environment,
    /// What else the machine did.
    pub noise: Noise,
}

impl Gated {
    /// The worst that a metric does.
    pub fn outcome(&self) -> Outcome {
        let outcomes = self.metrics.iter().map(Judged::outcome);
        outcomes.max().unwrap_or(Outcome::Pass)
    }

    /// Metrics of a verdict.
    pub fn of(&self, verdict: Verdict) -> impl Iterator<Item = &Judged> {
        self.metrics
            .iter()
            .filter(move |judged| judged.verdict == verdict)
    }

    /// Whether the gate holds.
    ///
    /// # Errors
    /// [`Error::Beyond`] with what does not.
    pub fn verdict(&self) -> Result<()> {
        let failing = self
            .metrics
            .iter()
            .filter(|judged| judged.outcome() == Outcome::Fail);
        let lines: Vec<_> = failing.map(Judged::sentence).collect();
        if lines.is_empty() {
            return Ok(());
        }
        Err(Error::Beyond(lines))
    }
}

impl Judged {
    /// What was found, in words.
    pub fn sentence(&self) -> String {
        let name = &self.metric.name;
        let percent = |share: f64| format!("{:+.1} %", share * 100.0);
        let change = match &self.change {
            Some(change) => match (change.low, change.high) {
                (Some(low), Some(high)) => format!(
                    "{} ({} to {})",
                    percent(change.value),
                    percent(low),
                    percent(high)
                ),
                _ => percent(change.value),
            },
            None => format!("{} instead of {}", self.new, self.old),
        };
        let allowed = format!("{:.1} % is allowed", self.margin * 100.0);
        let remark = self.remark.as_ref().map(|remark| format!(": {remark}"));
        let remark = remark.unwrap_or_default();
        match self.verdict {
            Verdict::Regressed => format!("{name} regressed, {change}; {allowed}{remark}"),
            Verdict::Improved => format!("{name} improved, {change}{remark}"),
            Verdict::Equivalent => format!("{name} is equivalent, {change}; {allowed}{remark}"),
            Verdict::Inconclusive => match self.smallest {
                Some(smallest) => format!(
                    "{name} is inconclusive, {change}; {allowed}, and only {} would have been \
                     seen{remark}",
                    percent(smallest)
                ),
                None => format!("{name} is inconclusive, {change}; {allowed}{remark}"),
            },
        }
    }
}
