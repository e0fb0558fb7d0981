//! One metric with its verdict.

use super::{Inconclusive, Rule};
use crate::metrics::{Identity, Unit, format};
use crate::stats::Estimate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The verdict on one metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Worse by more than is allowed.
    Regressed,
    /// Better by more than that.
    Improved,
    /// Neither, and that is known.
    Equivalent,
    /// The data do not decide.
    Inconclusive,
}

impl Verdict {
    /// All verdicts, the worst first.
    pub const ALL: [Self; 4] =
        [Self::Regressed, Self::Improved, Self::Equivalent, Self::Inconclusive];

    /// Returns the name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Regressed => "regressed",
            Self::Improved => "improved",
            Self::Equivalent => "equivalent",
            Self::Inconclusive => "inconclusive",
        }
    }
}

/// The effect of a metric on the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The gate holds, and the metric is not mentioned.
    Pass,
    /// The gate holds, and the metric is reported.
    Warn,
    /// The gate fails.
    Fail,
}

/// A metric with its verdict. Changes are shares of the old value: 0.1 is 10 % more, whichever
/// direction is better.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Judged {
    /// The quantity and labels of the metric.
    pub metric: Identity,
    /// Whether the metric is counted, such as fuel, and not timed.
    pub counted: bool,
    /// The old build's median.
    pub old: f64,
    /// The new build's median.
    pub new: f64,
    /// The change; null of an old value of 0. Of a timed metric it is the centre of the pairs'
    /// ratios, with its interval at 99 %.
    pub change: Option<Estimate>,
    /// The change that is allowed, and the effect of a worse or inconclusive metric.
    #[serde(flatten)]
    pub rule: Rule,
    /// The change below which nothing is judged, as a share: the larger one of the threshold and
    /// this machine's noise.
    pub margin: f64,
    /// The p-value against a regression, corrected for all timed metrics.
    pub p: Option<f64>,
    /// The smallest worsening that would have been found in nine of ten cases.
    pub smallest: Option<f64>,
    /// The number of pairs, or of samples of the run that has fewer.
    pub pairs: usize,
    /// The verdict, after a second look at fresh samples if there was one.
    pub verdict: Verdict,
    /// Whether fresh samples gave the same verdict.
    pub confirmed: bool,
    /// A remark on the verdict; null without one.
    pub remark: Option<String>,
    /// The reason why it is not judged, so that the verdict is none; null if it is.
    #[serde(default)]
    pub because: Option<String>,
    /// The old build's values, by pair.
    #[serde(default)]
    pub old_samples: Vec<f64>,
    /// The new build's values, by pair.
    #[serde(default)]
    pub new_samples: Vec<f64>,
}

impl Judged {
    /// Returns its effect on the gate.
    pub fn outcome(&self) -> Outcome {
        match (self.verdict, self.rule.inconclusive) {
            _ if !self.rule.gates => Outcome::Pass,
            _ if self.because.is_some() => Outcome::Warn,
            (Verdict::Regressed, _) | (Verdict::Inconclusive, Inconclusive::Fail) => Outcome::Fail,
            (Verdict::Inconclusive, Inconclusive::Warn) => Outcome::Warn,
            _ => Outcome::Pass,
        }
    }

    /// Returns the verdict's name for people.
    pub fn verdict_name(&self) -> &'static str {
        match self.because {
            Some(_) => "not judged",
            None => self.verdict.name(),
        }
    }

    /// Returns the verdict as a sentence.
    pub fn sentence(&self) -> String {
        let name = &self.metric.name;
        if let Some(because) = &self.because {
            return format!("{name}: not judged, because {because}");
        }
        let change = match &self.change {
            Some(change) => match change.ends() {
                Some((low, high)) if !self.counted => {
                    format!(
                        "{} ({} to {})",
                        format::change(change.value),
                        format::change(low),
                        format::change(high)
                    )
                }
                _ => format::change(change.value),
            },
            None => format!("{} instead of {}", self.shown(self.new), self.shown(self.old)),
        };
        let allowed = format!("{} is allowed", format::percent(self.margin));
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
                    format::change(smallest)
                ),
                None => format!("{name} is inconclusive, {change}; {allowed}{remark}"),
            },
        }
    }

    /// Returns a value of the metric with its unit, as a person reads it.
    pub fn shown(&self, value: f64) -> String {
        let number = match value {
            value if value.abs() < 0.01 => format::short(value),
            value if value.abs() < 100.0 && value.fract() != 0.0 => format!("{value:.2}"),
            value => format::grouped(value),
        };
        match self.metric.known_unit() {
            Some(Unit::Nanoseconds) => format::time(value),
            Some(Unit::Bytes) => format::bytes_as(value),
            Some(Unit::PerSecond) => format!("{number}/s"),
            Some(Unit::Share) => format::percent(value),
            Some(Unit::Ratio | Unit::Count) => number,
            None => format!("{number} {}", self.metric.unit),
        }
    }
}
