//! The findings: the stacks of each side.

use crate::record::Folded;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The findings of a flamegraph.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "finding", rename_all = "kebab-case")]
pub enum Found {
    /// Stacks that were sampled in the part's rounds.
    Stacks(Stacks),
    /// The native twin's functions cannot be had here.
    NoTwin {
        /// The reason why `perf` cannot sample it.
        why: String,
    },
}

/// The stacks of a side, sampled in the part's rounds.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Stacks {
    /// `sampled` for the guest, `native` for its twin, or of two builds `old` and `new`. Of a twin
    /// only the innermost functions are known.
    pub side: String,
    /// The time between two samples, nanoseconds.
    pub interval_ns: u64,
    /// At most 1 MiB of different stacks, with the samples of each.
    #[serde(flatten)]
    pub folded: Folded,
}
