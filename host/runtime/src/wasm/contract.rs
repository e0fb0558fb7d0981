//! The contract, and how a component's types differ from it, told in WIT.

mod diff;

use crate::{Interface as Optional, LoadError};
use std::fmt;
use wit_parser::decoding::{DecodedWasm, decode};
use wit_parser::{Resolve, SourceMap};

/// The contract, as it stands in the WIT files: their names and their text.
pub const WIT: [(&str, &str); 8] = [
    ("types.wit", include_str!("../../../../wit/types.wit")),
    ("host.wit", include_str!("../../../../wit/host.wit")),
    ("agent.wit", include_str!("../../../../wit/agent.wit")),
    ("batch.wit", include_str!("../../../../wit/batch.wit")),
    ("contents.wit", include_str!("../../../../wit/contents.wit")),
    ("parcels.wit", include_str!("../../../../wit/parcels.wit")),
    ("state.wit", include_str!("../../../../wit/state.wit")),
    ("worlds.wit", include_str!("../../../../wit/worlds.wit")),
];

/// The package of the contract, without its version.
const PACKAGE: &str = "sandlab:agent";

/// The contract's version.
const VERSION: &str = "0.1.0";

/// The contract's worlds, the smallest first.
pub const WORLDS: [&str; 4] = [
    "plain-agent",
    "batch-agent",
    "durable-agent",
    "zero-copy-agent",
];

/// What an agent of each world exports.
fn required(world: &str) -> Vec<&'static str> {
    let optional = Optional::ALL.into_iter();
    let added = optional.filter(|interface| interface.world() == world);
    ["agent"]
        .into_iter()
        .chain(added.map(Optional::name))
        .collect()
}

/// What an agent may import of the contract.
const IMPORTS: [&str; 3] = ["types", "host", "contents"];

/// What an agent exports of the contract, or may.
const EXPORTS: [&str; 4] = ["agent", "batch", "state", "parcels"];

/// One way in which a component is not what the contract says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Of which sort.
    pub kind: DifferenceKind,
    /// Where: `sandlab:agent/agent@0.1.0#handle`.
    pub path: String,
    /// What the contract has there, in WIT; empty if it has nothing.
    pub wanted: String,
    /// What the component has there, in WIT.
    pub found: String,
}

/// The sorts of differences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DifferenceKind {
    /// An interface that the world exports is not exported.
    MissingInterface,
    /// A function of an exported interface is not there.
    MissingFunction,
    /// A function has other parameters or another result.
    Signature,
    /// A type of the contract is defined otherwise.
    Type,
    /// The interface is of another version of the package.
    Version,
    /// An interface of the package is imported that the host does not have.
    UnknownImport,
    /// A function is imported that the host's interface does not have.
    UnknownFunction,
    /// Something is exported that no world of the contract has. Nobody calls it.
    Extra,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: wanted {}, found {}",
            self.path, self.wanted, self.found
        )
    }
}

/// Why a component's world could not be told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Undecodable {
    /// There is no such world.
    #[error("the contract has no world {0:?}; there are {list}", list = WORLDS.join(", "))]
    World(String),
    /// The bytes are WIT in binary form: types, and nothing that runs.
    #[error("a WIT package in binary form")]
    WitPackage,
    /// The types are none that WIT can say.
    #[error("{0}")]
    Types(String),
}

/// All differences between a component and a world of the contract, in the order of the
/// contract: imports first, then exports.
///
/// # Errors
/// If there is no such world, or the component's types cannot be decoded.
pub fn differences(bytes: &[u8], world: &str) -> Result<Vec<Difference>, Undecodable> {
    if !WORLDS.contains(&world) {
        return Err(Undecodable::World(world.to_owned()));
    }
    let contract = contract().map_err(Undecodable::Types)?;
    let (resolve, id) = match decode(bytes) {
        Ok(DecodedWasm::Component(resolve, id)) => (resolve, id),
        Ok(DecodedWasm::WitPackage(..)) => return Err(Undecodable::WitPackage),
        Err(error) => return Err(Undecodable::Types(format!("{error:#}"))),
    };
    Ok(diff::walk(&contract, &resolve, id, &required(world)))
}

/// The contract as one resolved package, for whoever wants to hold a component against it
/// by other means.
///
/// # Errors
/// Never, unless the contract itself is not valid WIT.
pub fn contract() -> Result<Resolve, String> {
    let mut sources = SourceMap::new();
    for (name, text) in WIT {
        sources.push_str(name, text);
    }
    let mut resolve = Resolve::default();
    let group = sources.parse().map_err(|error| format!("{error:?}"))?;
    let pushed = resolve.push_group(group);
    pushed.map_err(|error| format!("{error:?}"))?;
    Ok(resolve)
}

/// The first difference that keeps a component from being loaded as an agent.
pub(super) fn refusal(bytes: &[u8]) -> Option<LoadError> {
    let differences = match differences(bytes, WORLDS[0]) {
        Ok(differences) => differences,
        Err(Undecodable::WitPackage) => {
            return Some(LoadError::NotAComponent {
                found: Undecodable::WitPackage.to_string(),
                remedy: "Build an agent for its world".to_owned(),
            });
        }
        Err(_) => return None,
    };
    let refused = |difference: &Difference| difference.kind != DifferenceKind::Extra;
    differences.into_iter().find(refused).map(refuse)
}

fn refuse(difference: Difference) -> LoadError {
    let (name, expected, found) = (difference.path, difference.wanted, difference.found);
    match difference.kind {
        DifferenceKind::MissingInterface | DifferenceKind::MissingFunction => {
            LoadError::MissingExport {
                name,
                expected,
                found,
            }
        }
        _ => LoadError::WrongSignature {
            name,
            expected,
            found,
        },
    }
}
