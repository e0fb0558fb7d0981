//! Findings of a calibration.

use crate::verdict::gate::Judged;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The findings of a calibration.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "finding", rename_all = "kebab-case")]
pub enum Found {
    /// One gate of the guest against itself.
    Gate {
        /// The share by which the new build was made slower: 0.02 is 2 %.
        slowdown: f64,
        /// The verdict on each metric.
        metrics: Vec<Judged>,
    },
}
