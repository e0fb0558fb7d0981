//! Findings of a gate.

use crate::verdict::gate::{Compared, Judged};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The findings of a gate.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "finding", rename_all = "kebab-case")]
pub enum Found {
    /// The two builds, and the test that compares them.
    Compared(Compared),
    /// A metric of both builds, with its verdict.
    Judged(Box<Judged>),
    /// All metrics were measured, so that the gate is decided.
    Decided,
    /// The new build did not do what it must, so that the gate does not hold.
    Failed,
}
