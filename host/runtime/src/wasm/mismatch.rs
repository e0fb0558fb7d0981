//! Why a component does not fit the contract, told with both signatures. It runs only
//! when something does not fit, so it may take its time: it decodes the component's types.

use super::signature::{signature, structure};
use crate::LoadError;
use wit_parser::decoding::{DecodedWasm, decode};
use wit_parser::{Function, Interface, Resolve, SourceMap, WorldId, WorldItem, WorldKey};

/// The contract, as it stands in the WIT files.
const WIT: [(&str, &str); 8] = [
    ("types.wit", include_str!("../../../../wit/types.wit")),
    ("host.wit", include_str!("../../../../wit/host.wit")),
    ("agent.wit", include_str!("../../../../wit/agent.wit")),
    ("batch.wit", include_str!("../../../../wit/batch.wit")),
    ("contents.wit", include_str!("../../../../wit/contents.wit")),
    ("parcels.wit", include_str!("../../../../wit/parcels.wit")),
    ("state.wit", include_str!("../../../../wit/state.wit")),
    ("worlds.wit", include_str!("../../../../wit/worlds.wit")),
];

/// What an agent may import of the contract.
const IMPORTS: [&str; 2] = ["host", "contents"];

/// What an agent exports of the contract, or may.
const EXPORTS: [&str; 4] = ["agent", "batch", "state", "parcels"];

/// Compares every interface of the package that the component mentions with the
/// contract, and `agent` also if it does not mention it. `None` if all of them fit.
pub fn find(bytes: &[u8]) -> Option<LoadError> {
    let contract = contract()?;
    let DecodedWasm::Component(resolve, world) = decode(bytes).ok()? else {
        return None;
    };
    let component = Side {
        resolve: &resolve,
        world,
    };
    let differing_import = IMPORTS.into_iter().find_map(|name| {
        let found = component.imported(name)?;
        differs(&contract, &resolve, name, found)
    });
    if differing_import.is_some() {
        return differing_import;
    }
    if component.exported("agent").is_none() {
        let (_, expected) = interface(&contract, "agent")?;
        return Some(LoadError::MissingExport {
            name: "sandlab:agent/agent@0.1.0".to_owned(),
            expected: list(&contract, expected),
            found: component.exports(),
        });
    }
    EXPORTS.into_iter().find_map(|name| {
        let found = component.exported(name)?;
        differs(&contract, &resolve, name, found)
    })
}

/// The first function of an interface whose signature is not the contract's.
fn differs(
    contract: &Resolve,
    resolve: &Resolve,
    name: &str,
    found: &Interface,
) -> Option<LoadError> {
    let (id, expected) = interface(contract, name)?;
    let exact = has_version(resolve, found, "0.1.0");
    let is_import = IMPORTS.contains(&name);
    expected.functions.values().find_map(|function| {
        let label = format!("{id}#{}", function.name);
        let Some(other) = found.functions.get(&function.name) else {
            // A component imports only what it uses.
            return (!is_import).then(|| LoadError::MissingExport {
                name: label,
                expected: signature(contract, function),
                found: list(resolve, found),
            });
        };
        let same = exact && structure(contract, function) == structure(resolve, other);
        (!same).then(|| wrong(label, contract, function, resolve, other))
    })
}

/// Two signatures, in full only where the short form would look the same.
fn wrong(
    name: String,
    contract: &Resolve,
    expected: &Function,
    resolve: &Resolve,
    found: &Function,
) -> LoadError {
    let short = (signature(contract, expected), signature(resolve, found));
    let (expected, found) = if short.0 == short.1 {
        (structure(contract, expected), structure(resolve, found))
    } else {
        short
    };
    LoadError::WrongSignature {
        name,
        expected,
        found,
    }
}

fn has_version(resolve: &Resolve, interface: &Interface, version: &str) -> bool {
    let package = interface.package.map(|id| &resolve.packages[id].name);
    let found = package.and_then(|name| name.version.as_ref());
    found.is_some_and(|found| found.to_string() == version)
}

fn contract() -> Option<Resolve> {
    let mut sources = SourceMap::default();
    for (path, text) in WIT {
        sources.push_str(path, text);
    }
    let mut resolve = Resolve::default();
    resolve.push_group(sources.parse().ok()?).ok()?;
    Some(resolve)
}

fn interface<'a>(resolve: &'a Resolve, name: &str) -> Option<(String, &'a Interface)> {
    let mut all = resolve.interfaces.iter();
    let (id, found) = all.find(|(_, interface)| interface.name.as_deref() == Some(name))?;
    Some((resolve.id_of(id)?, found))
}

fn list(resolve: &Resolve, interface: &Interface) -> String {
    let functions = interface.functions.values();
    let all: Vec<_> = functions.map(|f| signature(resolve, f)).collect();
    all.join("; ")
}

/// The component, as it was decoded.
struct Side<'a> {
    resolve: &'a Resolve,
    world: WorldId,
}

impl<'a> Side<'a> {
    fn imported(&self, name: &str) -> Option<&'a Interface> {
        self.interface(name, self.resolve.worlds[self.world].imports.iter())
    }

    fn exported(&self, name: &str) -> Option<&'a Interface> {
        self.interface(name, self.resolve.worlds[self.world].exports.iter())
    }

    /// The interface of the package with this name, whatever its version.
    fn interface(
        &self,
        name: &str,
        mut items: impl Iterator<Item = (&'a WorldKey, &'a WorldItem)>,
    ) -> Option<&'a Interface> {
        items.find_map(|(key, item)| {
            let WorldItem::Interface { id, .. } = item else {
                return None;
            };
            let key = self.resolve.name_world_key(key);
            let (package, interface) = key.split('@').next()?.split_once('/')?;
            (package == "sandlab:agent" && interface == name).then(|| &self.resolve.interfaces[*id])
        })
    }

    fn exports(&self) -> String {
        let exports = self.resolve.worlds[self.world].exports.keys();
        let names: Vec<_> = exports
            .map(|key| self.resolve.name_world_key(key))
            .collect();
        if names.is_empty() {
            return "nothing".to_owned();
        }
        names.join(", ")
    }
}
