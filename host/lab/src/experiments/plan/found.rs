//! The findings on a layout.

use super::{Advice, Capacity, Verified};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The findings of a plan.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "finding", rename_all = "kebab-case")]
pub enum Found {
    /// The number of agents that fit in a layout.
    Capacity(Capacity),
    /// The recommended settings for a number of agents.
    Advice(Advice),
    /// The outcome of starting them.
    Verified(Verified),
}
