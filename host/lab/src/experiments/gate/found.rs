//! What a gate finds out.

use crate::verdict::gate::{Compared, Judged};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The findings of a gate.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "finding", rename_all = "kebab-case")]
pub enum Found {
    /// What is compared, and by which test.
    Compared(Compared),
    /// A metric of both builds, and what was found of it.
    Judged(Box<Judged>),
    /// All metrics were measured, so that the gate is decided.
    Decided,
}
