//! The contract: the WIT package that agents are written for, as part of the program, so that no
//! checkout is needed to write one.

use crate::{Error, Result};
use include_dir::{Dir, include_dir};
use std::collections::BTreeSet;
use std::fmt::Write;
use wit_parser::{InterfaceId, Resolve, TypeDefKind, WorldId, WorldItem, WorldKey};

static WIT: Dir = include_dir!("$CARGO_MANIFEST_DIR/../../wit");

/// The file with all worlds.
const WORLDS: &str = "worlds.wit";

/// A file of the package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its name.
    pub name: String,
    /// Its text, which begins with the package's name.
    pub text: String,
}

/// Returns the whole package, a file per interface and one with the worlds.
pub fn package() -> Vec<File> {
    let files = WIT.files().filter(|file| file.path().extension().is_some_and(|e| e == "wit"));
    let mut files: Vec<File> = files
        .map(|file| File {
            name: file.path().display().to_string(),
            text: file.contents_utf8().unwrap_or_default().to_owned(),
        })
        .collect();
    // What others use stands first, and what is made of all of them last.
    let place = |file: &File| match file.name.as_str() {
        "types.wit" => 0,
        WORLDS => 2,
        _ => 1,
    };
    files.sort_by_key(|file| (place(file), file.name.clone()));
    files
}

/// Returns what one world needs of the package: its interfaces, those that they use, and the world
/// by itself, with what it includes written out.
///
/// # Errors
/// If there is no such world.
pub fn world(name: &str) -> Result<Vec<File>> {
    let package = package();
    let resolve = resolved(&package)?;
    let Some((id, world)) = resolve.worlds.iter().find(|(_, world)| world.name == name) else {
        let known = resolve.worlds.iter().map(|(_, world)| world.name.as_str());
        let known: Vec<_> = known.collect();
        return Err(Error::Usage(format!(
            "the contract has no world {name:?}; there are {}",
            known.join(", ")
        )));
    };
    let items = world.imports.values().chain(world.exports.values());
    let mut needed = BTreeSet::new();
    for item in items {
        if let WorldItem::Interface { id, .. } = item {
            add_used(&resolve, *id, &mut needed);
        }
    }
    let mut files: Vec<File> = package
        .into_iter()
        .filter(|file| needed.contains(file.name.trim_end_matches(".wit")))
        .collect();
    let header = files.first().and_then(|file| file.text.lines().next()).unwrap_or_default();
    let text = format!("{header}\n\n{}", written_out(&resolve, id));
    files.push(File { name: "world.wit".to_owned(), text });
    Ok(files)
}

/// Returns files as one text with the package's name once.
pub fn joined(files: &[File]) -> String {
    let mut text = String::new();
    for (n, file) in files.iter().enumerate() {
        let rest = file.text.split_once('\n').map_or("", |(_, rest)| rest);
        text.push_str(if n == 0 { &file.text } else { rest });
    }
    text
}

fn resolved(files: &[File]) -> Result<Resolve> {
    let mut resolve = Resolve::default();
    let parsed = resolve.push_str("sandlab.wit", &joined(files));
    parsed.map_err(|error| Error::Machine(format!("the contract is not valid WIT: {error:#}")))?;
    Ok(resolve)
}

/// Adds the name of an interface, and of all whose types it uses.
fn add_used(resolve: &Resolve, id: InterfaceId, needed: &mut BTreeSet<String>) {
    let interface = &resolve.interfaces[id];
    let is_new = interface.name.clone().is_some_and(|name| needed.insert(name));
    if !is_new {
        return;
    }
    for id in interface.types.values() {
        let TypeDefKind::Type(wit_parser::Type::Id(used)) = resolve.types[*id].kind else {
            continue;
        };
        if let wit_parser::TypeOwner::Interface(owner) = resolve.types[used].owner {
            add_used(resolve, owner, needed);
        }
    }
}

fn written_out(resolve: &Resolve, id: WorldId) -> String {
    let world = &resolve.worlds[id];
    let mut text = String::new();
    for line in world.docs.contents.iter().flat_map(|docs| docs.lines()) {
        let _ = writeln!(text, "{}", format!("/// {line}").trim_end());
    }
    let _ = writeln!(text, "world {} {{", world.name);
    let sides = [("import", &world.imports), ("export", &world.exports)];
    for (verb, items) in sides {
        for key in items.keys() {
            let name = match key {
                WorldKey::Name(name) => Some(name.clone()),
                WorldKey::Interface(id) => resolve.interfaces[*id].name.clone(),
            };
            if let Some(name) = name {
                let _ = writeln!(text, "    {verb} {name};");
            }
        }
    }
    text + "}\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_world_by_itself_is_a_package_that_has_nothing_else() {
        for (name, has, lacks) in [
            ("plain-agent", "agent.wit", "state.wit"),
            ("durable-agent", "state.wit", "batch.wit"),
            ("zero-copy-agent", "contents.wit", "state.wit"),
        ] {
            let files = world(name).unwrap();
            let names: Vec<_> = files.iter().map(|file| file.name.as_str()).collect();
            assert!(names.contains(&has) && names.contains(&"types.wit"), "{names:?}");
            assert!(!names.contains(&lacks) && !names.contains(&WORLDS), "{names:?}");
            let alone = resolved(&files).unwrap();
            let whole = resolved(&package()).unwrap();
            let shape = |resolve: &Resolve| {
                let world = resolve.worlds.iter().find(|(_, world)| world.name == name).unwrap().1;
                let keys = world.imports.keys().chain(world.exports.keys());
                keys.map(|key| resolve.name_world_key(key)).collect::<Vec<_>>()
            };
            assert_eq!(shape(&alone), shape(&whole));
        }
    }
}
