//! What a calibration finds out.

use crate::verdict::gate::Judged;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The findings of a calibration.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "finding", rename_all = "kebab-case")]
pub enum Found {
    /// One gate of the guest against itself.
    Gate {
        /// By which share the new build was made slower.
        slowdown: f64,
        /// What was found of each metric.
        metrics: Vec<Judged>,
    },
}
