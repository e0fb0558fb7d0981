//! How an agent is handed its messages.

use crate::{Backend, Interface, NotOffered};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

/// How an agent is handed its messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// One a call, content copied into the agent and back. Every agent can do it.
    #[default]
    ByValue,
    /// Many a call. Needs an agent that exports `batch`.
    Batch(Batching),
    /// One a call, content in the host's memory, where the agent reads of it what it wants.
    /// Needs an agent that exports `parcels`, and a backend that shares memory with it.
    ZeroCopy,
}

/// How many messages a call hands over, and how long they may wait to be so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Batching {
    /// Messages a call, at most. Fewer if the mailbox is full with fewer.
    pub size: NonZeroU32,
    /// How long the oldest message may wait for the call to be full. Zero: not at all, a
    /// call takes what is there.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
}

impl Strategy {
    /// Whether the agents of a backend can be handed messages so.
    ///
    /// # Errors
    /// [`NotOffered`] with why not.
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
