//! A crate in Rust: the SDK is written into it, with the contract, so that it builds anywhere.

use super::{File, contract_in};
use crate::{Error, Result};
use include_dir::{Dir, include_dir};
use std::path::PathBuf;
use toml::{Table, Value};

static SDK: Dir = include_dir!("$CARGO_MANIFEST_DIR/../../guest-agents/sdk/src");
static NATIVE_ABI: Dir = include_dir!("$CARGO_MANIFEST_DIR/../../wit/native-abi/src");

const SDK_MANIFEST: &str = include_str!("../../../../../guest-agents/sdk/Cargo.toml");
const NATIVE_ABI_MANIFEST: &str = include_str!("../../../../../wit/native-abi/Cargo.toml");
const WORKSPACE: &str = include_str!("../../../../../Cargo.toml");
const TOOLCHAIN: &str = include_str!("../../../../../rust-toolchain.toml");

/// The lock file with the versions that sandlab is tested with; cargo removes unused ones.
const LOCK: &str = include_str!("../../../../../Cargo.lock");

/// Folders of the SDK's crates, relative to the crates that depend on them.
const PATHS: [(&str, &str); 2] = [("sandlab-agent", "sdk"), ("sandlab-native-abi", "native-abi")];

/// Returns the files of the crate `name`, besides those of its template.
pub fn files(name: &str) -> Result<Vec<File>> {
    let mut files: Vec<File> = vec![
        ("Cargo.toml".into(), cargo_toml(name).into_bytes()),
        ("Cargo.lock".into(), LOCK.into()),
        ("rust-toolchain.toml".into(), TOOLCHAIN.into()),
    ];
    for (folder, manifest, sources) in
        [("sdk", SDK_MANIFEST, &SDK), ("sdk/native-abi", NATIVE_ABI_MANIFEST, &NATIVE_ABI)]
    {
        let folder = PathBuf::from(folder);
        files.push((folder.join("Cargo.toml"), by_itself(manifest)?.into_bytes()));
        let sources = sources
            .files()
            .map(|file| (folder.join("src").join(file.path()), file.contents().to_vec()));
        files.extend(sources);
    }
    files.extend(contract_in("sdk/wit"));
    Ok(files)
}

fn cargo_toml(name: &str) -> String {
    format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
         [lib]\ncrate-type = [\"cdylib\"]\n\n\
         [dependencies]\nsandlab-agent = {{ path = \"sdk\" }}\n\n\
         # A workspace of its own, also inside of another one.\n[workspace]\n"
    )
}

/// Returns the manifest of a crate without inheritance from this workspace: versions and the like
/// are written out, and lints are left to those who change the SDK.
fn by_itself(manifest: &str) -> Result<String> {
    let bad = |error: toml::de::Error| Error::Machine(format!("the SDK's manifest: {error}"));
    let workspace: Table = WORKSPACE.parse().map_err(bad)?;
    let workspace = workspace.get("workspace").and_then(Value::as_table);
    let inherited =
        |table: &str, key: &str| -> Option<Value> { workspace?.get(table)?.get(key).cloned() };
    let mut manifest: Table = manifest.parse().map_err(bad)?;
    manifest.remove("lints");
    if let Some(package) = manifest.get_mut("package").and_then(Value::as_table_mut) {
        write_out(package, |key| inherited("package", key));
    }
    let mut targets: Vec<&mut Table> = Vec::new();
    for (key, value) in &mut manifest {
        match (key.as_str(), value) {
            ("dependencies", Value::Table(dependencies)) => targets.push(dependencies),
            ("target", Value::Table(platforms)) => {
                let tables = platforms.iter_mut().filter_map(|(_, platform)| {
                    platform.get_mut("dependencies").and_then(Value::as_table_mut)
                });
                targets.extend(tables);
            }
            _ => {}
        }
    }
    for dependencies in targets {
        write_out(dependencies, |key| match PATHS.iter().find(|(name, _)| *name == key) {
            Some((_, path)) => {
                Some(Value::Table([("path".to_owned(), Value::from(*path))].into_iter().collect()))
            }
            None => inherited("dependencies", key),
        });
    }
    toml::to_string(&manifest)
        .map_err(|error| Error::Machine(format!("the SDK's manifest: {error}")))
}

/// Replaces each `workspace = true` by the inherited value.
fn write_out(table: &mut Table, inherited: impl Fn(&str) -> Option<Value>) {
    for (key, value) in table {
        let inherits = value.get("workspace").and_then(Value::as_bool) == Some(true);
        if let Some(written) = inherited(key).filter(|_| inherits) {
            *value = written;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn the_sdk_inherits_nothing_and_has_every_file() {
        for manifest in [SDK_MANIFEST, NATIVE_ABI_MANIFEST] {
            let text = by_itself(manifest).unwrap();
            assert!(!text.contains("workspace"), "{text}");
        }
        assert!(by_itself(SDK_MANIFEST).unwrap().contains("path = \"native-abi\""));
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        for (folder, embedded) in
            [("guest-agents/sdk/src", &SDK), ("wit/native-abi/src", &NATIVE_ABI)]
        {
            let there = root.join(folder).read_dir().unwrap().count();
            assert_eq!(embedded.entries().len(), there, "{folder}");
        }
    }
}
