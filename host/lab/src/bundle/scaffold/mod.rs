//! Writes projects of agents: in Rust a crate with a copy of the SDK, in other languages sources
//! that their own tools build into a component.
//!
//! A project does not depend on the machine that it was written on: the contract, and all else that
//! it needs of sandlab, is part of the program and is written into the project.

mod names;
mod rust;

pub use names::check_name;

use crate::{Error, Result, contract};
use clap::ValueEnum;
use include_dir::{Dir, DirEntry, include_dir};
use std::path::{Path, PathBuf};
use wasi_preview1_component_adapter_provider::WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER;

/// A folder per language, and `shared`. `{{name}}` stands for the agent's name in contents, and
/// `dot-` for a leading `.` in names of files, which would have their effect here otherwise.
static TEMPLATES: Dir = include_dir!("$CARGO_MANIFEST_DIR/src/bundle/scaffold/template");

/// The GitHub repository with the action that CI of new projects uses: the one that this release
/// was built in.
const REPOSITORY: Option<&str> = option_env!("SANDLAB_REPOSITORY");

/// What stands for it in projects of a sandlab that is no release, and what they say of it.
const UNKNOWN: &str = "OWNER/sandlab";
const UNKNOWN_IS: &str =
    "      # This sandlab is no release: write here whose repository has one, instead of OWNER.\n";

/// The adapter from WASI preview 1, which the C and Go libraries import, to WASI 0.2.
const ADAPTER: &str = "adapter/wasi_snapshot_preview1.wasm";

/// A language that agents are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// A crate with the SDK, built by cargo as a component and as its native twin.
    Rust,
    /// Built by zig from PyPI, with wit-bindgen's bindings.
    C,
    /// Built by componentize-js from npm.
    #[value(name = "javascript")]
    JavaScript,
    /// Built by componentize-py from PyPI.
    Python,
    /// Built by Go, with wit-bindgen's bindings.
    Go,
}

impl Language {
    fn template(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::C => "c",
            Self::JavaScript => "javascript",
            Self::Python => "python",
            Self::Go => "go",
        }
    }

    /// Returns the file that an author changes first.
    pub fn source(self) -> &'static str {
        match self {
            Self::Rust => "src/lib.rs",
            Self::C => "agent.c",
            Self::JavaScript => "agent.js",
            Self::Python => "src/agent.py",
            Self::Go => "export_sandlab_agent_agent/agent.go",
        }
    }
}

/// A file of a project: its path there, and its content.
type File = (PathBuf, Vec<u8>);

/// Writes the project `name` in `parent`, completely or not at all, and returns its folder.
///
/// # Errors
/// If the name cannot be an agent's, or the folder exists or cannot be written.
pub fn scaffold(parent: &Path, name: &str, language: Language) -> Result<PathBuf> {
    check_name(name)?;
    let folder = parent.join(name);
    if folder.exists() {
        let folder = folder.display();
        return Err(Error::Usage(format!("{folder} exists; choose another name, or move it away")));
    }
    let mut files = Vec::new();
    for template in ["shared", language.template()] {
        if let Some(template) = TEMPLATES.get_dir(template) {
            add_template(template, template.path(), name, &mut files);
        }
    }
    match language {
        Language::Rust => files.extend(rust::files(name)?),
        _ => files.extend(contract_in("wit")),
    }
    if matches!(language, Language::C | Language::Go) {
        files.push((ADAPTER.into(), WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER.to_vec()));
    }
    let draft = super::draft(parent)?;
    for (file, content) in files {
        let path = draft.path().join(file);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(Error::file("make the folder", folder))?;
        }
        std::fs::write(&path, content).map_err(Error::file("write", &path))?;
    }
    super::publish(draft, &folder)?;
    Ok(folder)
}

/// Adds the files of a template, with the name filled in.
fn add_template(template: &Dir, root: &Path, name: &str, files: &mut Vec<File>) {
    for entry in template.entries() {
        let file = match entry {
            DirEntry::Dir(dir) => {
                add_template(dir, root, name, files);
                continue;
            }
            DirEntry::File(file) => file,
        };
        let path = file.path().strip_prefix(root).unwrap_or(file.path());
        let parts = path.iter().map(|part| part.to_string_lossy());
        let parts = parts.map(|part| match part.strip_prefix("dot-") {
            Some(rest) => format!(".{rest}"),
            None => part.into_owned(),
        });
        let content = match file.contents_utf8() {
            Some(text) => filled_in(text, name).into_bytes(),
            None => file.contents().to_vec(),
        };
        files.push((parts.collect(), content));
    }
}

fn filled_in(text: &str, name: &str) -> String {
    // An expression of GitHub's begins in the same way, with a space or a `$`.
    text.replace("{{name}}", name)
        .replace("{{repository}}", REPOSITORY.unwrap_or(UNKNOWN))
        .replace("{{unknown-repository}}", REPOSITORY.map_or(UNKNOWN_IS, |_| ""))
        .replace("{{version}}", env!("CARGO_PKG_VERSION"))
}

/// Returns the contract's files in this folder of a project.
fn contract_in(folder: &str) -> impl Iterator<Item = File> {
    let package = contract::package().into_iter();
    package.map(move |file| (Path::new(folder).join(file.name), file.text.into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_written_over() {
        let parent = tempfile::tempdir().unwrap();
        let folder = scaffold(parent.path(), "fresh", Language::Rust).unwrap();
        std::fs::write(folder.join("src/lib.rs"), "mine").unwrap();
        assert!(scaffold(parent.path(), "fresh", Language::C).is_err());
        let kept = std::fs::read_to_string(folder.join("src/lib.rs")).unwrap();
        assert_eq!(kept, "mine");
    }

    #[test]
    fn every_language_has_its_source_a_workload_and_no_gap_in_its_texts() {
        let parent = tempfile::tempdir().unwrap();
        for language in Language::value_variants() {
            let name = format!("agent-{}", language.template());
            let folder = scaffold(parent.path(), &name, *language).unwrap();
            for file in [language.source(), "workload.jsonl", "sandlab.toml", ".gitignore"] {
                assert!(folder.join(file).is_file(), "{name}: {file}");
            }
            let ci = std::fs::read_to_string(folder.join(".github/workflows/agent.yml")).unwrap();
            assert!(ci.contains(".github/actions/sandlab@v"), "{ci}");
            let mut files = Vec::new();
            let template = TEMPLATES.get_dir(language.template()).unwrap();
            add_template(template, template.path(), "x", &mut files);
            for (file, content) in files {
                let text = String::from_utf8_lossy(&content);
                assert!(!text.contains("{{"), "{}", file.display());
            }
        }
    }
}
