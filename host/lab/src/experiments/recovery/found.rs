//! The findings: recoveries of agents from faults.

use crate::stats::Distribution;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The findings of a recovery.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "finding", rename_all = "kebab-case")]
pub enum Found {
    /// The recoveries of all faults.
    Recovery(Recoveries),
}

/// The recoveries of all faults of a run.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct Recoveries {
    /// Agents that were made to fault.
    pub faults: u64,
    /// From when a fault was due until the agent's next good reply was seen; without those of
    /// agents that did not come back.
    pub time: Distribution,
    /// Messages that came to nothing, besides those that made an agent fault.
    pub failed: u64,
    /// Messages that nothing was heard of.
    pub lost: u64,
}

impl Recoveries {
    /// Returns the agents that did not come back.
    pub fn missing(&self) -> u64 {
        self.faults.saturating_sub(self.time.count())
    }
}
