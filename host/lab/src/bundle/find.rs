//! Resolves names and paths on the command line to agents.

use super::{Bundle, MANIFEST, Subject, build, component, reference, toolchain};
use crate::paths::shown;
use crate::printable::printable;
use crate::{Error, Result};
use cargo_metadata::{Metadata, MetadataCommand};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Finds a subject by the name under which it was built in this workspace, a bundle's folder, a
/// folder with one bundle, the folder of an agent crate or of a project with a component (which is
/// then built), or the file of a component or core module.
///
/// # Errors
/// [`Error::UnknownAgent`] if no agent has the name, [`Error::File`] if nothing is at the
/// path, [`Error::Usage`] if there are several, else the error of opening or building it.
pub fn find(what: &str, progress: &mut dyn FnMut(&str)) -> Result<Subject> {
    let mut found = find_each(what, progress)?;
    match (found.pop(), found.is_empty()) {
        (Some(subject), true) => Ok(subject),
        (last, _) => {
            let names = found.iter().chain(&last).map(Subject::name);
            let names: Vec<_> = names.collect();
            Err(Error::Usage(format!(
                "{what} has more than one agent: give one of {}, as a folder or by its name",
                names.join(", ")
            )))
        }
    }
}

/// Finds all subjects by one name or path, at least one: as [`find`], but a folder of bundles
/// and a workspace may have several.
///
/// # Errors
/// As [`find`].
pub fn find_each(what: &str, progress: &mut dyn FnMut(&str)) -> Result<Vec<Subject>> {
    let path = Path::new(what);
    if !path.exists() {
        refuse_no_name(what)?;
    }
    if path.join(MANIFEST).is_file() {
        return Ok(vec![Bundle::open(path)?.into()]);
    }
    if let Some(of_project) = component::of_folder(path)? {
        return Ok(vec![component::build(path, &of_project, progress)?]);
    }
    if path.join("Cargo.toml").is_file() {
        let bundles = build(&[path.to_owned()], progress)?;
        return Ok(bundles.into_iter().map(Subject::from).collect());
    }
    if path.metadata().is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        return Err(Error::Usage(format!(
            "{what} is a pipe or a device: write the component to a file first"
        )));
    }
    let looks_like_path = path.components().count() > 1 || path.extension().is_some();
    let names = names_in(path);
    if path.is_dir() && !names.is_empty() {
        let bundles = names.iter().map(|name| Bundle::open(&path.join(name)));
        return bundles.map(|bundle| bundle.map(Subject::from)).collect();
    }
    if path.is_file() || looks_like_path {
        std::fs::File::open(path).map_err(Error::file("open", path))?;
        if path.is_dir() {
            return Err(no_agent(path));
        }
        if let Some(folder) = bundle_around(path) {
            progress(&format!(
                "{what} is taken alone; with its workload and its twin it is {}",
                folder.display()
            ));
        }
        return Ok(vec![Subject::of_file(path)]);
    }
    match named(what) {
        // It was no name, but the folder that is there.
        Err(_) if path.is_dir() => Err(no_agent(path)),
        found => Ok(vec![found?.into()]),
    }
}

/// Says that a folder has nothing to measure in it, but for files that would have to be named.
fn no_agent(folder: &Path) -> Error {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let files = entries.map(|entry| entry.path());
    let mut files: Vec<_> = files
        .filter(|file| file.extension().is_some_and(|extension| extension == "wasm"))
        .map(|file| printable(&shown(&file)))
        .collect();
    files.sort_unstable();
    let instead = match files.as_slice() {
        [] => String::new(),
        files => format!("; give a file: {}", files.join(", ")),
    };
    let reason = format!("there is neither a bundle nor a crate{instead}");
    Error::NoAgentCrate { path: folder.to_owned(), reason }
}

/// Refuses what is not there and cannot be the name of an agent either.
fn refuse_no_name(what: &str) -> Result<()> {
    if what == "-" {
        return Err(Error::Usage(
            "standard input (-) is not read: write the component to a file first".to_owned(),
        ));
    }
    match what.ends_with('/') {
        true => {
            let missing = std::io::Error::new(ErrorKind::NotFound, "there is no such folder");
            Err(Error::file("open", Path::new(what))(missing))
        }
        false => Ok(()),
    }
}

/// Returns the folder of the bundle that a component's file is part of; `None` for any other file.
fn bundle_around(component: &Path) -> Option<&Path> {
    let folder = component.parent()?;
    let bundle = Bundle::open(folder).ok()?;
    (bundle.component() == component).then_some(folder)
}

/// Returns every agent that was built in this workspace, or that is part of this program, ordered by
/// name.
///
/// # Errors
/// If there are none, or one is damaged.
pub fn find_all() -> Result<Vec<Bundle>> {
    let folder = folder_with("at all", |names| !names.is_empty())?;
    names_in(&folder).iter().map(|name| Bundle::open(&folder.join(name))).collect()
}

fn named(name: &str) -> Result<Bundle> {
    let has = |names: &[String]| names.iter().any(|known| known == name);
    Bundle::open(&folder_with(name, has)?.join(name))
}

/// Returns the folder of bundles with the wanted names: that of the current folder's workspace, or
/// else that of the reference agents.
fn folder_with(what: &str, has: impl Fn(&[String]) -> bool) -> Result<PathBuf> {
    let here = here();
    let is_wanted = |folder: &PathBuf| has(&names_in(folder));
    let found = here.as_ref().ok().filter(|folder| is_wanted(folder)).cloned();
    let found = match found {
        None => reference::folder()?.filter(is_wanted),
        found => found,
    };
    match found {
        Some(folder) => Ok(folder),
        None => Err(unknown(what, &here?)),
    }
}

fn unknown(name: &str, folder: &Path) -> Error {
    Error::UnknownAgent {
        name: name.to_owned(),
        place: format!("in {}", folder.display()),
        known: names_in(folder),
    }
}

/// Returns the folder of the bundles of the current folder's workspace; outside of one, that of the
/// reference agents.
fn here() -> Result<PathBuf> {
    let current = std::env::current_dir().map_err(Error::file("find", Path::new(".")))?;
    let in_workspace = current.ancestors().any(|folder| folder.join("Cargo.toml").is_file());
    if !in_workspace && let Some(folder) = reference::folder()? {
        return Ok(folder);
    }
    let metadata = metadata(&current).map_err(|error| match error {
        Error::Machine(_) => error,
        _ => Error::Usage(format!(
            "agents are found by name inside a cargo workspace only; elsewhere, give a bundle's \
             or a crate's folder, or a component's file ({error})"
        )),
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
    let failed = |reason: &str| Error::Toolchain(format!("{}: {reason}", folder.display()));
    let output = command.cargo_command().output();
    let output = output.map_err(|error| toolchain::missing("cargo", &error))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(match said.trim() {
            // Such as a kernel that is out of memory.
            "" => failed(&format!("`cargo metadata` ended without a word ({})", output.status)),
            said => failed(said),
        });
    }
    let read = String::from_utf8_lossy(&output.stdout);
    let read = read.lines().find(|line| line.starts_with('{')).unwrap_or_default();
    MetadataCommand::parse(read).map_err(|error| failed(&error.to_string()))
}
