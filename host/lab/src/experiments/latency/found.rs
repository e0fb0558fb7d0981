//! The findings of a search for the highest rate.

use crate::record::Disturbance;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The findings of a search; a load at one rate has none of its own.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "finding", rename_all = "kebab-case")]
pub enum Found {
    /// One rate that was tried.
    Step(Step),
    /// The result of the search.
    MaxRate(MaxRate),
}

/// One rate that was tried.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// Messages per second that were due.
    pub rate: f64,
    /// The share of due messages that came to a good reply within the step.
    pub goodput: f64,
    /// The 99th percentile of latency, nanoseconds; null without a reply.
    pub p99: Option<f64>,
    /// Whether the number of waiting messages grew during the step.
    pub is_growing: bool,
    /// Whether the latency stayed within its limit at this rate.
    pub holds: bool,
    /// The disturbance that makes the step invalid; null if it counts.
    #[serde(default)]
    pub invalid: Option<Disturbance>,
}

/// The result of a search for the highest rate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MaxRate {
    /// Messages per second of a closed loop over the same path, with 256 in flight.
    pub capacity: f64,
    /// The highest rate that held, messages per second; null if not even the lowest did.
    pub highest: Option<f64>,
    /// The lowest rate above it that did not; null if none was found.
    pub too_high: Option<f64>,
}
