//! Data flows one way: no module of the lab imports one that stands above it.
//!
//! The rooms are modules of one crate, because crates of their own would make every type that
//! two of them share public to the world and every change of it a change of several manifests;
//! this test holds the order that crate boundaries would.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The top-level modules from below to above. A module may import itself and those before it,
/// but for what [`FORBIDDEN`] takes away.
const LAYERS: [&str; 18] = [
    "error",
    "printable",
    "stats",
    "metrics",
    "view",
    "contract",
    "project",
    "bundle",
    "workload",
    "record",
    "verdict",
    "sampling",
    "hostile",
    "validate",
    "experiments",
    "report",
    "cli",
    "main",
];

/// Imports that the order would allow and that must not be: a verdict and a renderer know no
/// experiment, and no sample.
const FORBIDDEN: [(&str, &str); 4] = [
    ("report", "experiments"),
    ("report", "sampling"),
    ("validate", "sampling"),
    ("validate", "record"),
];

/// The modules that a file imports from its own crate, by the first name after `crate::`.
fn imports(text: &str) -> Vec<String> {
    let uses = text.split("crate::").skip(1);
    let names = uses.flat_map(|rest| match rest.strip_prefix('{') {
        Some(group) => {
            let group = group.split("};").next().unwrap_or_default();
            top_level(group).into_iter().map(first_name).collect()
        }
        None => vec![first_name(rest)],
    });
    names.collect()
}

/// The parts of a group, without what stands in groups within it.
fn top_level(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&group[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&group[start..]);
    parts
}

fn first_name(path: &str) -> String {
    let name = path.trim_start();
    let end = name.find(|letter: char| !letter.is_alphanumeric() && letter != '_');
    name[..end.unwrap_or(name.len())].to_owned()
}

fn files(folder: &Path, to: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files(&path, to),
            false if path.extension().is_some_and(|ending| ending == "rs") => to.push(path),
            false => {}
        }
    }
}

/// Every import between top-level modules, with a file that has it.
fn edges() -> BTreeMap<(String, String), PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    files(&source, &mut all);
    let mut edges = BTreeMap::new();
    for file in all {
        let inner = file.strip_prefix(&source).unwrap();
        let module = inner.components().next().unwrap().as_os_str();
        let module = Path::new(module).with_extension("");
        let module = module.to_str().unwrap().to_owned();
        if ["lib", "bin"].contains(&module.as_str()) {
            continue;
        }
        for import in imports(&std::fs::read_to_string(&file).unwrap()) {
            let is_module = LAYERS.contains(&import.as_str());
            if is_module && import != module {
                edges.insert((module.clone(), import), file.clone());
            }
        }
    }
    edges
}

#[test]
fn no_module_imports_one_above_it() {
    let edges = edges();
    assert!(edges.len() > 30, "the imports were not found: {edges:?}");
    let place = |name: &str| LAYERS.iter().position(|layer| *layer == name);
    for ((from, to), file) in edges {
        let file = file.display();
        assert!(place(&from).is_some(), "{file}: the module {from} has no place in LAYERS");
        assert!(place(&to) < place(&from), "{file}: {from} imports {to}, which stands above it");
        let is_forbidden = FORBIDDEN.contains(&(from.as_str(), to.as_str()));
        assert!(!is_forbidden, "{file}: {from} imports {to}, which it must not know");
    }
}

#[test]
fn imports_are_found_however_they_are_written() {
    let text = "use crate::record::{Run, Part};\nuse crate::{Error, view::{A, B}, stats};\n\
                fn f() { crate::metrics::shared::X }";
    assert_eq!(imports(text), ["record", "Error", "view", "stats", "metrics"]);
}
