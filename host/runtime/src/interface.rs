//! The interfaces that an agent may export or not, and why one is not offered.

use crate::BackendKind;
use std::fmt;

/// An interface of the contract that an agent may export besides `agent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Interface {
    /// Many messages in one call.
    Batch,
    /// State that outlives an instance.
    State,
    /// Messages whose content stays in the host's memory.
    Parcels,
}

impl Interface {
    /// All that there are.
    pub const ALL: [Self; 3] = [Self::Batch, Self::State, Self::Parcels];

    /// Its name in the WIT package.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Batch => "batch",
            Self::State => "state",
            Self::Parcels => "parcels",
        }
    }

    /// The world that adds it to `plain-agent`.
    pub const fn world(self) -> &'static str {
        match self {
            Self::Batch => "batch-agent",
            Self::State => "durable-agent",
            Self::Parcels => "zero-copy-agent",
        }
    }
}

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Why instances of a backend do not offer an interface.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotOffered {
    /// The agent's program does not have it.
    #[error("the agent does not export `sandlab:agent/{0}`; export it, or do without")]
    NotExported(Interface),
    /// No agent on this backend has it.
    #[error("`sandlab:agent/{interface}` is not available on the backend {backend}, because {why}")]
    NotAvailable {
        /// Which interface.
        interface: Interface,
        /// On which backend.
        backend: BackendKind,
        /// What is in the way.
        why: &'static str,
    },
}
