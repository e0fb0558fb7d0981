//! The contract, and the differences of a component's types from it, in WIT.

mod diff;

use crate::{Interface as Optional, LoadError};
use std::fmt;
use std::path::{Path, PathBuf};
use wit_parser::decoding::{DecodedWasm, decode};
use wit_parser::{Resolve, SourceMap, WorldId};

/// The contract's WIT files: names and text.
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
pub const WORLDS: [&str; 4] = ["plain-agent", "batch-agent", "durable-agent", "zero-copy-agent"];

/// Returns the interfaces that an agent of a world exports.
fn required(world: &str) -> Vec<&'static str> {
    let optional = Optional::ALL.into_iter();
    let added = optional.filter(|interface| interface.world() == world);
    ["agent"].into_iter().chain(added.map(Optional::name)).collect()
}

/// The contract's interfaces that an agent may import.
const IMPORTS: [&str; 3] = ["types", "host", "contents"];

/// The contract's interfaces that an agent exports, or may export.
const EXPORTS: [&str; 4] = ["agent", "batch", "state", "parcels"];

/// One difference of a component from the contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The kind of the difference.
    pub kind: DifferenceKind,
    /// Its place, such as `sandlab:agent/agent@0.1.0#handle`.
    pub path: String,
    /// The contract's WIT at this place. Empty if it has none.
    pub wanted: String,
    /// The component's WIT at this place.
    pub found: String,
}

/// The kinds of differences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DifferenceKind {
    /// An interface that the world exports is not exported.
    MissingInterface,
    /// An exported interface lacks a function.
    MissingFunction,
    /// A function has other parameters or another result.
    Signature,
    /// A type of the contract has another definition.
    Type,
    /// The interface has another version.
    Version,
    /// The interface has another version, which the linker takes for the contract's.
    Compatible,
    /// The component imports an interface of the package that the host does not have.
    UnknownImport,
    /// The component imports a function that the host's interface does not have.
    UnknownFunction,
    /// The component exports something that is in no world of the contract. It is not called.
    Extra,
}

impl DifferenceKind {
    /// Returns whether a component with such a difference is not an agent of the world.
    pub fn is_refused(self) -> bool {
        !matches!(self, Self::Extra | Self::Compatible)
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: wanted {}, found {}", self.path, self.wanted, self.found)
    }
}

/// An error that keeps a component from being compared with a world.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Undecodable {
    /// The contract has no such world.
    #[error("the contract has no world {0:?}; there are {list}", list = WORLDS.join(", "))]
    World(String),
    /// The WIT files of a world cannot be used.
    #[error("the WIT at {}: {error}", .path.display())]
    Wit {
        /// The file or folder.
        path: PathBuf,
        /// The error of `wit-parser`, with its causes.
        error: String,
    },
    /// The bytes are a WIT package in binary form: types without code.
    #[error("a WIT package in binary form")]
    WitPackage,
    /// WIT cannot express the component's types.
    #[error("{0}")]
    Types(String),
}

/// Returns all differences of a component from a world of the contract, in the contract's
/// order: imports first, then exports.
///
/// # Errors
/// If there is no such world, or the component's types cannot be decoded.
pub fn differences(bytes: &[u8], world: &str) -> Result<Vec<Difference>, Undecodable> {
    if !WORLDS.contains(&world) {
        return Err(Undecodable::World(world.to_owned()));
    }
    let contract = contract().map_err(Undecodable::Types)?;
    let (resolve, id) = decoded(bytes)?;
    Ok(diff::walk(&contract, &resolve, id, &required(world)))
}

/// Returns all differences of a component from a world in WIT files of somebody else's: a file, or
/// a folder of a package with its dependencies in `deps`. Without a name it is the only world, or
/// the only one of the package itself.
///
/// # Errors
/// If the files cannot be read or have no such world, or the component's types cannot be decoded.
pub fn differences_from(
    bytes: &[u8],
    wit: &Path,
    world: Option<&str>,
) -> Result<Vec<Difference>, Undecodable> {
    let (wanted, wanted_world) = read_world(wit, world)?;
    let (resolve, id) = decoded(bytes)?;
    Ok(diff::walk_world(&wanted, wanted_world, &resolve, id))
}

/// Makes sure that a WIT file, or the folder of a package, has a world: of this name, or a single
/// one.
///
/// # Errors
/// [`Undecodable::Wit`] if it cannot be read, or has no such world.
pub fn require_world(wit: &Path, world: Option<&str>) -> Result<(), Undecodable> {
    read_world(wit, world).map(drop)
}

fn read_world(wit: &Path, world: Option<&str>) -> Result<(Resolve, WorldId), Undecodable> {
    let unread = |error: String| Undecodable::Wit { path: wit.to_owned(), error };
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(wit).map_err(|error| unread(format!("{error:#}")))?;
    let world = resolve.select_world(&[package], world);
    let world = world.map_err(|error| unread(format!("{error:#}")))?;
    Ok((resolve, world))
}

fn decoded(bytes: &[u8]) -> Result<(Resolve, WorldId), Undecodable> {
    match decode(bytes) {
        Ok(DecodedWasm::Component(resolve, id)) => Ok((resolve, id)),
        Ok(DecodedWasm::WitPackage(..)) => Err(Undecodable::WitPackage),
        Err(error) => Err(Undecodable::Types(format!("{error:#}"))),
    }
}

/// Returns the contract as one resolved package.
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

/// Returns the first difference for which a component cannot be loaded as an agent. `None` if
/// there is none.
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
    let refused = |difference: &Difference| difference.kind.is_refused();
    differences.into_iter().find(refused).map(refuse)
}

fn refuse(difference: Difference) -> LoadError {
    let (name, expected, found) = (difference.path, difference.wanted, difference.found);
    match difference.kind {
        DifferenceKind::MissingInterface | DifferenceKind::MissingFunction => {
            LoadError::MissingExport { name, expected, found }
        }
        _ => LoadError::WrongSignature { name, expected, found },
    }
}
