//! The forms in which an agent is given its messages.

use crate::{Backend, Interface, NotOffered};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

/// The form in which an agent is given its messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// One message per call, content copied into the agent and back. Works with every agent.
    #[default]
    ByValue,
    /// Several messages per call. Needs an agent that exports `batch`.
    Batch(Batching),
    /// One message per call, content in the host's memory, of which the agent reads the parts that
    /// it needs. Needs an agent that exports `parcels`, and a backend that shares memory with it.
    ZeroCopy,
}

/// The size of a batch, and how long messages wait for it to be complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Batching {
    /// Messages per call, at most. Fewer if the mailbox is full with fewer.
    pub size: NonZeroU32,
    /// Longest time that the oldest message waits for the batch to be complete. With zero, a call
    /// takes the messages that are queued.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub timeout: Duration,
}

impl Strategy {
    /// Checks whether the agents of a backend support the strategy.
    ///
    /// # Errors
    /// [`NotOffered`] with the reason if not.
    pub fn offered_by(self, backend: &dyn Backend) -> Result<(), NotOffered> {
        match self {
            Self::ByValue => Ok(()),
            Self::Batch(_) => backend.offers(Interface::Batch),
            Self::ZeroCopy => backend.offers(Interface::Parcels),
        }
    }
}

/// `by-value`, `batch 16`, `batch 16 within 5ms`, `zero-copy`.
impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ByValue => f.write_str("by-value"),
            Self::Batch(Batching { size, timeout }) if timeout.is_zero() => {
                write!(f, "batch {size}")
            }
            Self::Batch(Batching { size, timeout }) => write!(f, "batch {size} within {timeout:?}"),
            Self::ZeroCopy => f.write_str("zero-copy"),
        }
    }
}
