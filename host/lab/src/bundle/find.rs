//! Resolves names and paths on the command line to agents.

use super::{Bundle, MANIFEST, Manifest, build, toolchain};
use crate::paths::shown;
use crate::printable::printable;
use crate::{Error, Result};
use cargo_metadata::{Metadata, MetadataCommand};
use std::path::{Path, PathBuf};

/// A subject of measurements.
#[derive(Debug, Clone)]
pub enum Subject {
    /// A component with its twin.
    Bundle(Box<Bundle>),
    /// A component alone.
    Component(PathBuf),
}

impl From<Bundle> for Subject {
    fn from(bundle: Bundle) -> Self {
        Self::Bundle(Box::new(bundle))
    }
}

impl Subject {
    /// Returns the component's file.
    pub fn component(&self) -> PathBuf {
        match self {
            Self::Bundle(bundle) => bundle.component(),
            Self::Component(path) => path.clone(),
        }
    }

    /// Returns the twin's file; `None` for a component alone.
    pub fn twin(&self) -> Option<PathBuf> {
        match self {
            Self::Bundle(bundle) => Some(bundle.twin()),
            Self::Component(_) => None,
        }
    }

    /// Returns the manifest of its build; `None` for a component alone.
    pub fn manifest(&self) -> Option<&Manifest> {
        match self {
            Self::Bundle(bundle) => Some(&bundle.manifest),
            Self::Component(_) => None,
        }
    }

    /// Returns its name in reports.
    pub fn name(&self) -> String {
        match self {
            Self::Bundle(bundle) => bundle.manifest.name.clone(),
            Self::Component(path) => {
                let stem = path.file_stem().unwrap_or(path.as_os_str());
                printable(&shown(stem))
            }
        }
    }
}

/// Finds an agent by the name under which it was built in this workspace, a bundle's folder, an
/// agent crate's folder (which is then built), or a component's file.
///
/// # Errors
/// [`Error::UnknownAgent`] if no agent has the name, [`Error::File`] if nothing is at the
/// path, else the error of opening or building it.
pub fn find(what: &str, progress: &mut dyn FnMut(&str)) -> Result<Subject> {
    let path = Path::new(what);
    if path.join(MANIFEST).is_file() {
        return Bundle::open(path).map(Subject::from);
    }
    if path.join("Cargo.toml").is_file() {
        let mut bundles = build(&[path.to_owned()], progress)?;
        return match (bundles.pop(), bundles.pop()) {
            (Some(bundle), None) => Ok(bundle.into()),
            _ => Err(Error::Usage(format!(
                "{what} has more than one agent: build it, then give the name of one"
            ))),
        };
    }
    if path.metadata().is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        return Err(Error::Usage(format!(
            "{what} is a pipe or a device: write the component to a file first"
        )));
    }
    let looks_like_path = path.components().count() > 1 || path.extension().is_some();
    if path.is_file() || looks_like_path {
        std::fs::File::open(path).map_err(Error::file("open", path))?;
        if path.is_dir() {
            return Err(Error::NoAgentCrate {
                path: path.to_owned(),
                reason: "there is neither a bundle nor a crate".to_owned(),
            });
        }
        return Ok(Subject::Component(path.to_owned()));
    }
    named(what).map(Subject::from)
}

/// Returns every agent that was built in this workspace, ordered by name.
///
/// # Errors
/// If there are none, or one is damaged.
pub fn find_all() -> Result<Vec<Bundle>> {
    let folder = here()?;
    let names = names_in(&folder);
    if names.is_empty() {
        return Err(unknown("at all", &folder));
    }
    names.iter().map(|n| Bundle::open(&folder.join(n))).collect()
}

fn named(name: &str) -> Result<Bundle> {
    let folder = here()?;
    if names_in(&folder).iter().any(|known| known == name) {
        return Bundle::open(&folder.join(name));
    }
    Err(unknown(name, &folder))
}

fn unknown(name: &str, folder: &Path) -> Error {
    Error::UnknownAgent {
        name: name.to_owned(),
        place: format!("in {}", folder.display()),
        known: names_in(folder),
    }
}

/// Returns the folder of the bundles of the current folder's workspace.
fn here() -> Result<PathBuf> {
    let current = std::env::current_dir().map_err(Error::file("find", Path::new(".")))?;
    let metadata = metadata(&current).map_err(|error| {
        Error::Usage(format!(
            "agents are found by name inside a cargo workspace only; elsewhere, give a bundle's \
             or a crate's folder, or a component's file ({error})"
        ))
    })?;
    Ok(agents_folder(&metadata))
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries
        .filter(|entry| entry.path().join(MANIFEST).is_file())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort_unstable();
    names
}

/// Returns the folder of a workspace's bundles.
pub(super) fn agents_folder(metadata: &Metadata) -> PathBuf {
    metadata.target_directory.join("agents").into_std_path_buf()
}

/// Returns cargo's metadata of the workspace that a folder belongs to.
pub(super) fn metadata(folder: &Path) -> Result<Metadata> {
    let mut command = MetadataCommand::new();
    command.current_dir(folder).no_deps();
    let manifest = folder.join("Cargo.toml");
    if manifest.is_file() {
        // Cargo would resolve a link to the folder, and look for the workspace elsewhere.
        command.manifest_path(manifest);
    }
    for (name, folder) in toolchain::target_folders()? {
        command.env(name, folder);
    }
    command.exec().map_err(|error| {
        let error = error.to_string();
        let reason = error.trim().trim_start_matches("`cargo metadata` exited with an error: ");
        Error::Toolchain(format!("{}: {}", folder.display(), reason.trim()))
    })
}
