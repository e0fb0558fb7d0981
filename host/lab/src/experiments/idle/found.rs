//! Findings of idle agents.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The findings of idle agents.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "finding", rename_all = "kebab-case")]
pub enum Found {
    /// CPU of the process while its agents are idle.
    Idle {
        /// Share of one core, by window.
        cpu: Vec<f64>,
    },
}
