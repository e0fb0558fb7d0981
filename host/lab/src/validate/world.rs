//! Stage 2: the component's types against those of the world that it must have.

use super::code::Code;
use super::finding::{Check, Finding};
use super::language::Language;
use super::outline::Outline;
use crate::printable::printable;
use sandlab_runtime::subject::{self, Kind, KindError};
use sandlab_runtime::wasm::contract::{self, Difference, DifferenceKind, Undecodable};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use wit_parser::{WorldItem, decoding};

/// Remedies for types that differ: for the contract's worlds, and for others.
const REBIND: &str = "Generate the bindings again from the WIT files of this sandlab (`wit/`)";
const REBIND_WORLD: &str =
    "Generate the bindings again from the world's WIT, or name another world";

/// The world that a guest must have.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub enum World {
    /// The world of its kind: for an agent, the smallest of the contract.
    Own,
    /// One of the contract.
    Contract(String),
    /// WASI's world of a kind: `wasi:http/proxy`, `wasi:cli/command`.
    Wasi(Kind),
    /// A world of another package.
    Wit {
        /// A WIT file, or the folder of a package with its dependencies in `deps`.
        path: PathBuf,
        /// The world's name; `None` if the package has only one.
        world: Option<String>,
    },
}

impl From<String> for World {
    fn from(text: String) -> Self {
        match text.as_str() {
            "own" => Self::Own,
            "wasi:http/proxy" => Self::Wasi(Kind::Service),
            "wasi:cli/command" => Self::Wasi(Kind::Command),
            name if contract::WORLDS.contains(&name) => Self::Contract(text),
            _ => {
                let (path, world) = match text.split_once('#') {
                    Some((path, world)) => (path, Some(world.to_owned())),
                    None => (text.as_str(), None),
                };
                Self::Wit { path: path.into(), world }
            }
        }
    }
}

impl World {
    /// Returns the world with its path relative to a folder.
    ///
    /// # Errors
    /// If it is neither a known world nor a path at which there is such a world.
    pub fn in_folder(self, folder: &Path) -> Result<Self, String> {
        match self {
            Self::Wit { path, world } => {
                let path = folder.join(path);
                if path.exists() {
                    contract::require_world(&path, world.as_deref())
                        .map_err(|why| why.to_string())?;
                    return Ok(Self::Wit { path, world });
                }
                Err(format!(
                    "{} is neither a world ({}, wasi:http/proxy, wasi:cli/command) nor a WIT file \
                     or folder",
                    path.display(),
                    contract::WORLDS.join(", ")
                ))
            }
            known => Ok(known),
        }
    }

    /// Returns the kind that a guest of this world is; `None` if it could be any.
    pub fn kind(&self) -> Option<Kind> {
        match self {
            Self::Contract(_) => Some(Kind::Agent),
            Self::Wasi(kind) => Some(*kind),
            Self::Own | Self::Wit { .. } => None,
        }
    }
}

/// Returns the kind of a guest. What exports functions alone, and imports what only hosts of agents
/// offer, was meant as an agent, and is told what it lacks.
pub fn kind_of(bytes: &[u8]) -> Option<Kind> {
    let kind = subject::kind_of(bytes)?;
    let imports = || subject::describe(bytes).map(|described| described.imports);
    let is_agents = |import: &subject::Import| import.access == subject::Access::Agents;
    let was_meant = kind == Kind::Function && imports().is_ok_and(|all| all.iter().any(is_agents));
    Some(if was_meant { Kind::Agent } else { kind })
}

/// Checks for every difference from the world that a guest of this kind must have.
pub fn check(bytes: &[u8], world: &World, kind: Kind) -> Vec<Check> {
    // What could be of two kinds was taken for an agent, which nobody meant.
    if *world == World::Own
        && kind == Kind::Agent
        && let Err(why @ KindError::Ambiguous) = Kind::of(bytes)
    {
        let remedy = "Validate it once as each: `--as command` and `--as service`";
        let finding = Finding::new(Code::MissingInterface, "the exports", remedy);
        return vec![Check::of("exports", vec![finding.found(why.to_string())])];
    }
    let differences = match (world, kind) {
        (World::Contract(world), _) => contract::differences(bytes, world),
        (World::Wit { path, world }, _) => {
            contract::differences_from(bytes, path, world.as_deref())
        }
        (World::Own, Kind::Agent) => contract::differences(bytes, contract::WORLDS[0]),
        (World::Own, kind) => return of_wasi(bytes, world, kind),
        (World::Wasi(kind), _) => return of_wasi(bytes, world, *kind),
    };
    let differences = match differences {
        Ok(differences) => differences,
        Err(why) => return vec![Check::of("types", vec![undecodable(&why)])],
    };
    let rebind = match world {
        World::Wit { .. } => REBIND_WORLD,
        _ => REBIND,
    };
    let of = |wanted: fn(&DifferenceKind) -> bool| {
        let those = differences.iter().filter(|found| wanted(&found.kind));
        let findings = those.map(|difference| match difference.kind {
            DifferenceKind::MissingInterface => instead(finding(difference, rebind), bytes),
            DifferenceKind::Extra if difference.path == OF_PYTHON && is_python(bytes) => {
                let remedy = "Nothing: componentize-py exports what it has linked";
                Finding::new(Code::ExtraExport, OF_PYTHON, remedy).noted()
            }
            _ => finding(difference, rebind),
        });
        findings.collect()
    };
    use DifferenceKind as D;
    vec![
        Check::of("versions", of(|kind| matches!(kind, D::Version | D::Compatible))),
        Check::of("types", of(|kind| *kind == D::Type)),
        Check::of("imports", of(|kind| matches!(kind, D::UnknownImport | D::UnknownFunction))),
        Check::of("exports", of(|kind| matches!(kind, D::MissingInterface | D::MissingFunction))),
        Check::of("signatures", of(|kind| *kind == D::Signature)),
        Check::of("extra", of(|kind| *kind == D::Extra)),
    ]
}

/// What componentize-py exports beside its agent's interface.
const OF_PYTHON: &str = "exports";

fn is_python(bytes: &[u8]) -> bool {
    Outline::of(bytes).is_ok_and(|outline| Language::of(&outline) == Language::Python)
}

/// The exports of services and commands, and the imports that the world `wasi:http/proxy` allows:
/// it has neither files nor sockets, arguments nor variables.
const SERVICE: [&str; 2] = ["wasi:http/incoming-handler@0.2", "wasi:http/handler@0.3"];
const COMMAND: [&str; 2] = ["wasi:cli/run@0.2", "wasi:cli/run@0.3"];
const PROXY: [&str; 5] = ["wasi:http/", "wasi:io/", "wasi:clocks/", "wasi:random/", "wasi:cli/std"];

/// Checks for the export of a kind, and for imports that WASI's world does not have. Their types
/// are checked when the component is linked.
fn of_wasi(bytes: &[u8], world: &World, kind: Kind) -> Vec<Check> {
    let described = match subject::describe(bytes) {
        Ok(described) => described,
        Err(error) => {
            let remedy = "Build it with a toolchain that generates its types from WIT";
            let finding = Finding::new(Code::Undecodable, "the types", remedy);
            return vec![Check::of("types", vec![finding.found(error.to_string())])];
        }
    };
    let has = |wanted: &str| described.exports.iter().any(|export| export.starts_with(wanted));
    let wanted = match kind {
        Kind::Service => Some(SERVICE),
        Kind::Command => Some(COMMAND),
        Kind::Agent | Kind::Function => None,
    };
    let missing = wanted.filter(|wanted| !wanted.iter().any(|name| has(name))).map(|wanted| {
        let remedy = format!("Export it, as every {kind} does, or choose another world");
        Finding::new(Code::MissingInterface, wanted[0], remedy)
            .wanted(wanted.join(" or "))
            .found(described.exports.join(", "))
    });
    let is_proxy = *world == World::Wasi(Kind::Service);
    let foreign = described
        .imports
        .iter()
        .filter(|import| is_proxy && !PROXY.iter().any(|known| import.name.starts_with(known)));
    let foreign = foreign.map(|import| {
        let remedy = "Build without it: hosts of the world wasi:http/proxy need not have it";
        Finding::new(Code::UnknownImport, printable(&import.name), remedy)
            .wanted(PROXY.map(|package| format!("{package}…")).join(", "))
            .found(printable(&import.name))
    });
    vec![
        Check::of("exports", missing.into_iter().collect()).with_note(format!("a {kind}")),
        Check::of("imports", foreign.collect()),
    ]
}

fn undecodable(why: &Undecodable) -> Finding {
    match why {
        Undecodable::WitPackage => Finding::new(
            Code::WitPackage,
            "the exports",
            "It declares what an agent is, without code: build an agent for its world",
        )
        .wanted("a component")
        .found(why.to_string()),
        _ => {
            let remedy = "Build it with a toolchain that generates its types from WIT";
            Finding::new(Code::Undecodable, "the types", remedy).found(why.to_string())
        }
    }
}

fn finding(difference: &Difference, rebind: &str) -> Finding {
    use DifferenceKind as Kind;
    let (code, remedy) = match difference.kind {
        Kind::MissingInterface => {
            (Code::MissingInterface, "Export it, or choose another world with `--world`".to_owned())
        }
        Kind::MissingFunction => (Code::MissingFunction, rebind.to_owned()),
        Kind::Signature => (Code::WrongSignature, rebind.to_owned()),
        Kind::Type => (Code::WrongType, rebind.to_owned()),
        Kind::Version => (Code::OtherVersion, version_remedy(difference)),
        Kind::Compatible => (
            Code::OtherVersion,
            "Nothing has to be done: the linker takes it for the host's, by semver".to_owned(),
        ),
        Kind::UnknownImport => (Code::UnknownImport, rebind.to_owned()),
        Kind::UnknownFunction => (Code::UnknownFunction, rebind.to_owned()),
        Kind::Extra => {
            (Code::ExtraExport, "Remove it from the world that the agent is built for".to_owned())
        }
    };
    let finding = Finding::new(code, &difference.path, remedy);
    match difference.kind {
        Kind::Extra => finding,
        Kind::Compatible => finding.wanted(&difference.wanted).found(&difference.found).noted(),
        _ => finding.wanted(&difference.wanted).found(&difference.found),
    }
}

/// Adds to what is exported instead of an interface which functions of it are async: no function of
/// the contract is, and its author may have meant one of them.
fn instead(finding: Finding, bytes: &[u8]) -> Finding {
    let functions = async_exports(bytes);
    let named = match &finding.found {
        Some(found) if !functions.is_empty() => format!(
            "{found}, with `async func` of {}; functions of the contract are `func`",
            functions.join(", ")
        ),
        _ => return finding,
    };
    finding.found(named)
}

/// Returns the names of the async functions that a component exports, with their interfaces.
fn async_exports(bytes: &[u8]) -> Vec<String> {
    // What cannot be decoded is a finding of its own.
    let Ok(decoding::DecodedWasm::Component(resolve, world)) = decoding::decode(bytes) else {
        return Vec::new();
    };
    let exports = resolve.worlds[world].exports.iter().flat_map(|(key, item)| {
        let key = resolve.name_world_key(key);
        let (interface, functions): (_, Vec<_>) = match item {
            WorldItem::Interface { id, .. } => {
                (format!("{key}#"), resolve.interfaces[*id].functions.values().collect())
            }
            WorldItem::Function(function) => (String::new(), vec![function]),
            WorldItem::Type { .. } => (String::new(), Vec::new()),
        };
        let is_async = functions.into_iter().filter(|function| function.kind.is_async());
        is_async.map(move |function| format!("{interface}{}", function.name)).collect::<Vec<_>>()
    });
    exports.collect()
}

/// Returns the remedy for a version that the linker does not take for the host's.
fn version_remedy(difference: &Difference) -> String {
    let version = |path: &str| path.split_once('@').map(|(_, version)| version.to_owned());
    let says = match (version(&difference.wanted), version(&difference.found)) {
        (Some(wanted), Some(found)) => {
            format!("by semver {found} is not compatible with {wanted}")
        }
        _ => "it states no version".to_owned(),
    };
    format!("Build it for the host's version: {says}")
}
