//! Creates agent crates.

use crate::{Error, Result};
use std::path::{Path, PathBuf};

const LIBRARY: &str = include_str!("template/lib.rs");
const WORKLOAD: &str = include_str!("template/workload.jsonl");
const TOOLCHAIN: &str = include_str!("../../../../rust-toolchain.toml");

/// The lock file with the versions that sandlab is tested with; cargo removes unused ones.
const LOCK: &str = include_str!("../../../../Cargo.lock");

/// Names that cargo refuses: Rust's keywords, and crates that every crate depends on.
const RESERVED: &[&str] = &[
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "const",
    "continue",
    "core",
    "crate",
    "do",
    "dyn",
    "else",
    "enum",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "proc-macro",
    "pub",
    "ref",
    "return",
    "self",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
];

/// Writes the crate `name` in `parent`, completely or not at all, and returns its folder.
///
/// # Errors
/// If the name cannot be a crate's, or the folder exists or cannot be written.
pub fn scaffold(parent: &Path, name: &str, sdk: &Path) -> Result<PathBuf> {
    check_name(name)?;
    let sdk = sdk.canonicalize().map_err(Error::file("find the SDK", sdk))?;
    let folder = parent.join(name);
    if folder.exists() {
        let folder = folder.display();
        return Err(Error::Usage(format!("{folder} exists; choose another name, or move it away")));
    }
    let draft = super::draft(parent)?;
    std::fs::create_dir(draft.path().join("src")).map_err(Error::file("write to", parent))?;
    let files = [
        ("Cargo.toml", cargo_toml(name, &sdk)),
        ("Cargo.lock", LOCK.to_owned()),
        ("rust-toolchain.toml", TOOLCHAIN.to_owned()),
        (".gitignore", "/target\n".to_owned()),
        ("src/lib.rs", LIBRARY.to_owned()),
        ("workload.jsonl", WORKLOAD.to_owned()),
    ];
    for (file, text) in files {
        let path = draft.path().join(file);
        std::fs::write(&path, text).map_err(Error::file("write", &path))?;
    }
    super::publish(draft, &folder)?;
    Ok(folder)
}

/// Checks that a crate can have this name.
///
/// # Errors
/// [`Error::Usage`] with the rule that the name breaks.
pub fn check_name(name: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic());
    if !starts_well || !name.chars().all(plain) {
        return Err(Error::Usage(format!(
            "{name:?} cannot be a crate's name: it takes letters, digits, `-` and `_`, and \
             starts with a letter"
        )));
    }
    if RESERVED.contains(&name) {
        return Err(Error::Usage(format!("{name:?} cannot be a crate's name: Rust reserves it")));
    }
    Ok(())
}

fn cargo_toml(name: &str, sdk: &Path) -> String {
    let sdk = toml::Value::from(sdk.to_string_lossy().as_ref());
    format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
         [lib]\ncrate-type = [\"cdylib\"]\n\n\
         [dependencies]\nsandlab-agent = {{ path = {sdk} }}\n\n\
         # A workspace of its own, also inside of another one.\n[workspace]\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_cargo_would_refuse_are_refused_first() {
        for name in ["", "1st", "a b", "../up", "fn", "naïve"] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
        assert!(check_name("my-agent_2").is_ok());
    }

    #[test]
    fn nothing_is_written_over() {
        let parent = tempfile::tempdir().unwrap();
        let sdk = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folder = scaffold(parent.path(), "fresh", sdk).unwrap();
        std::fs::write(folder.join("src/lib.rs"), "mine").unwrap();
        assert!(scaffold(parent.path(), "fresh", sdk).is_err());
        let kept = std::fs::read_to_string(folder.join("src/lib.rs")).unwrap();
        assert_eq!(kept, "mine");
    }
}
