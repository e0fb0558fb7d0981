//! The optional interfaces of an agent, and why one is not offered.

use crate::BackendKind;
use std::fmt;

/// An optional interface of the contract, besides `agent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Interface {
    /// Several messages per call.
    Batch,
    /// State that outlives an instance.
    State,
    /// Messages whose content stays in the host's memory.
    Parcels,
}

impl Interface {
    /// All optional interfaces.
    pub const ALL: [Self; 3] = [Self::Batch, Self::State, Self::Parcels];

    /// Returns the name in the WIT package.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Batch => "batch",
            Self::State => "state",
            Self::Parcels => "parcels",
        }
    }

    /// Returns the world that adds the interface to `plain-agent`.
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

/// The reason that instances of a backend do not offer an interface.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotOffered {
    /// The agent's program does not export it.
    #[error("the agent does not export `sandlab:agent/{0}`; export it, or do without")]
    NotExported(Interface),
    /// The backend does not support it.
    #[error("`sandlab:agent/{interface}` is not available on the backend {backend}, because {why}")]
    NotAvailable {
        /// The missing interface.
        interface: Interface,
        /// The backend without it.
        backend: BackendKind,
        /// The reason, as the end of a sentence.
        why: &'static str,
    },
}
