//! What tuning finds out.

use super::goal::{Goal, Measure};
use crate::stats::Estimate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The findings of tuning.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "finding", rename_all = "kebab-case")]
pub enum Found {
    /// A setting, and what it gives up.
    Swept(Swept),
    /// What a setting did to a measure.
    Effect(Effect),
    /// What is recommended for a goal.
    Recommended(Box<Recommended>),
}

/// A setting that was swept, or why it was not.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Swept {
    /// Its name, as in docs/tune.md.
    pub setting: String,
    /// What of safety or service it gives up.
    pub gives_up: String,
    /// Whether it is only recommended for guests that are trusted.
    pub needs_trust: bool,
    /// Why it was left out; null if it was swept.
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
    /// What is recommended for a goal together, on fresh samples.
    Verify,
}

/// What a setting did to a measure.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Effect {
    /// Each stage has samples of its own.
    pub stage: Stage,
    /// The setting; `default` for the sandbox config as it was given.
    pub setting: String,
    /// Of what `value` and `ratio` are.
    pub measure: Measure,
    /// The measured value, the median of rounds: nanoseconds, bytes or a number of agents.
    pub value: f64,
    /// Measured ÷ that of the default in the same rounds, with its 95 % interval.
    pub ratio: Estimate,
    /// Rounds in which the machine was ours; only these are in `value` and `ratio`.
    pub rounds: usize,
    /// The p-value of the test that it helps by more than the threshold, corrected for all tests;
    /// null if it was not tested.
    pub p: Option<f64>,
    /// Why nothing is concluded from it; null if it is judged.
    pub withheld: Option<String>,
}

/// What is recommended for a goal.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Recommended {
    /// Each goal has one recommendation.
    pub goal: Goal,
    /// The settings; empty to keep what there is.
    pub settings: Vec<String>,
    /// What they give up, a clause each.
    pub gives_up: Vec<String>,
    /// The product of their confirmed effects, as a ratio to the default; 1 without settings.
    pub predicted: f64,
    /// What they did together on fresh samples; null without settings.
    pub measured: Option<Estimate>,
    /// What they did to the time per message meanwhile; null without settings, and where that is
    /// the goal.
    pub price: Option<Estimate>,
    /// Why nothing is recommended, or less than was confirmed; empty if nothing is to be said.
    pub why: String,
    /// Why nothing could be judged; null if something was.
    pub withheld: Option<String>,
    /// The whole sandbox config, TOML.
    pub toml: String,
    /// What an embedder of wasmtime writes: the lines that differ from wasmtime's defaults.
    pub rust: String,
}
