//! The stages, in the order in which they run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A stage, which runs only if the earlier ones found no error.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// The file is a complete and valid component.
    Format,
    /// Its imports and exports have the contract's types.
    World,
    /// The policy allows its imports.
    Capabilities,
    /// Sizes and counts are within their budgets; nothing is run.
    Static,
    /// It compiles and links.
    Load,
    /// Instances start.
    Spawn,
    /// It handles one message within its limits.
    Call,
    /// It replies correctly, also at unusual ids, sizes and performatives.
    Conformance,
    /// Its memory does not grow with every call.
    Soak,
    /// The build has no leftovers, such as debug info or the builder's paths.
    Hygiene,
}

impl Stage {
    /// All stages in their order.
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

    /// Returns the name on the command line and in reports.
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

    /// Returns whether no other guest is checked meanwhile, because the stage is timed. Compiling
    /// takes all cores by itself, so that little is lost.
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
