//! The findings under memory limits.

use super::{AtLimit, Tuned, Unsettled};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The findings of a sweep or a tuning.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "finding", rename_all = "kebab-case")]
pub enum Found {
    /// An agent's behaviour at one memory limit.
    AtLimit(Box<AtLimit>),
    /// The smallest memory limit, and the recommended one.
    Tuned(Box<Tuned>),
    /// A working set without a plateau, so that no limit is recommended.
    Unsettled(Box<Unsettled>),
    /// No limit that could be tried was enough.
    NoneIsEnough {
        /// The limit that was not, and how it showed.
        why: String,
    },
}
