//! Findings of tuning.

use super::goal::{Goal, Measure};
use crate::stats::Estimate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The findings of tuning.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "finding", rename_all = "kebab-case")]
pub enum Found {
    /// A setting that was swept or left out, with the safety or service that it gives up.
    Swept(Swept),
    /// The effect of a setting on a measure.
    Effect(Effect),
    /// The recommendation for a goal.
    Recommended(Box<Recommended>),
}

/// A setting that was swept, or why it was not.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Swept {
    /// Its name, as in docs/tune.md.
    pub setting: String,
    /// The safety or service that it gives up.
    pub gives_up: String,
    /// Whether it is recommended for trusted guests only.
    pub needs_trust: bool,
    /// The reason why it was left out; null if it was swept.
    pub skipped: Option<String>,
}

/// A stage of tuning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Every setting alone.
    Screen,
    /// The best settings alone, on fresh samples.
    Confirm,
    /// The recommended settings of a goal together, on fresh samples.
    Verify,
}

/// The effect of a setting on a measure.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Effect {
    /// The stage of the samples, which no other stage uses.
    pub stage: Stage,
    /// The setting; `default` for the sandbox config as it was given.
    pub setting: String,
    /// The measure of `value` and `ratio`.
    pub measure: Measure,
    /// The measured value, the median of rounds: nanoseconds, bytes or a number of agents.
    pub value: f64,
    /// Measured ÷ that of the default in the same rounds, with its 95 % interval.
    pub ratio: Estimate,
    /// Undisturbed rounds; only these are in `value` and `ratio`.
    pub rounds: usize,
    /// The p-value of the test that it helps by more than the threshold, corrected for all tests;
    /// null if it was not tested.
    pub p: Option<f64>,
    /// The reason why the effect is not judged; null if it is.
    pub withheld: Option<String>,
}

/// The recommendation for a goal.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Recommended {
    /// The goal, which no other recommendation has.
    pub goal: Goal,
    /// The settings; empty for a recommendation to change nothing.
    pub settings: Vec<String>,
    /// The safety or service that they give up, one clause per setting.
    pub gives_up: Vec<String>,
    /// The product of their confirmed effects, as a ratio to the default; 1 without settings.
    pub predicted: f64,
    /// Their effect together on fresh samples; null without settings.
    pub measured: Option<Estimate>,
    /// Their effect on the time per message; null without settings, and where that is the goal.
    pub price: Option<Estimate>,
    /// The reason why nothing is recommended, or less than was confirmed; empty without one.
    pub why: String,
    /// The reason why nothing could be judged; null if something was.
    pub withheld: Option<String>,
    /// The whole sandbox config, TOML.
    pub toml: String,
    /// The lines for an embedder of wasmtime that differ from wasmtime's defaults.
    pub rust: String,
}
