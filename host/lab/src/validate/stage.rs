//! The stages, in the order in which they run.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A stage. A later one runs only if the earlier ones found no error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// What the file is, and whether it is whole and valid.
    Format,
    /// Whether its types are those of the contract.
    World,
    /// What its imports let it do, against what is allowed.
    Capabilities,
    /// What can be counted without running it.
    Static,
    /// Whether it compiles and links.
    Load,
    /// Whether instances come up.
    Spawn,
    /// What one call does.
    Call,
    /// Whether it answers as it must, whatever it is told.
    Conformance,
    /// Whether it keeps something of every call.
    Soak,
    /// What a careful builder would not ship.
    Hygiene,
}

impl Stage {
    /// All, in their order.
    pub const ALL: [Self; 10] = [
        Self::Format,
        Self::World,
        Self::Capabilities,
        Self::Static,
        Self::Load,
        Self::Spawn,
        Self::Call,
        Self::Conformance,
        Self::Soak,
        Self::Hygiene,
    ];

    /// What a person types.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::World => "world",
            Self::Capabilities => "capabilities",
            Self::Static => "static",
            Self::Load => "load",
            Self::Spawn => "spawn",
            Self::Call => "call",
            Self::Conformance => "conformance",
            Self::Soak => "soak",
            Self::Hygiene => "hygiene",
        }
    }

    /// Whether others must wait meanwhile, because it is timed. Compiling takes all cores
    /// by itself, so that little is lost.
    pub const fn runs_alone(self) -> bool {
        matches!(self, Self::Load | Self::Spawn | Self::Call)
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Stage {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|stage| stage.name() == name);
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("there is no stage {name:?}; there are {names}")
        })
    }
}
