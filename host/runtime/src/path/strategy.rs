//! How an agent is handed its messages.

use super::SpawnError;
use crate::{Backend, Interface};
use serde::{Deserialize, Serialize};
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
    /// # Errors
    /// [`SpawnError::NotOffered`] if the agents of this backend cannot be handed messages so.
    pub(super) fn require(self, backend: &dyn Backend) -> Result<(), SpawnError> {
        let interface = match self {
            Self::ByValue => return Ok(()),
            Self::Batch(_) => Interface::Batch,
        };
        let offered = backend.offers(interface);
        offered.map_err(|why| SpawnError::NotOffered {
            option: "strategy",
            why,
        })
    }
}
