//! Resolves the names on the command line to guests.

use crate::bundle::{self, Bundle};
use crate::{Error, Result};
use std::path::{Path, PathBuf};

/// A guest to check.
#[derive(Debug, Clone)]
pub struct Target {
    /// The name in reports: the bundle's name, or the file's path as it was given.
    pub name: String,
    /// The component's file.
    pub component: PathBuf,
    /// The native twin's file; `None` for a component alone.
    pub twin: Option<PathBuf>,
    /// The bundle's workload file; `None` if it has none.
    pub workload: Option<PathBuf>,
    /// The agent's name; `None` for a component alone.
    pub agent: Option<String>,
    /// Why it cannot be checked; `None` if it can.
    pub error: Option<String>,
}

impl Target {
    fn component(path: &Path) -> Self {
        Self {
            name: crate::paths::shown(path),
            component: path.to_owned(),
            twin: None,
            workload: None,
            agent: None,
            error: None,
        }
    }

    fn bundle(bundle: &Bundle) -> Self {
        let name = bundle.manifest.name.clone();
        Self {
            name: name.clone(),
            component: bundle.component(),
            twin: Some(bundle.twin()),
            workload: bundle.workload(),
            agent: Some(name),
            error: None,
        }
    }

    /// Opens a bundle; a damaged one becomes a target with an error, so that the others are
    /// still checked.
    fn bundle_at(folder: &Path) -> Self {
        match Bundle::open(folder) {
            Ok(bundle) => Self::bundle(&bundle),
            Err(error) => Self { error: Some(error.to_string()), ..Self::component(folder) },
        }
    }

    /// Returns the names that a policy's patterns are matched against.
    pub fn names(&self) -> Vec<&str> {
        let file = self.component.file_name().and_then(|name| name.to_str());
        let stem = self.component.file_stem().and_then(|name| name.to_str());
        let of_file = [file, stem].into_iter().flatten();
        // Every bundle's file has the same name.
        let of_file = of_file.filter(|_| self.agent.is_none());
        [self.name.as_str()].into_iter().chain(of_file).collect()
    }
}

/// Finds guests by a component's file, a bundle's or a crate's folder, an agent's name, or a
/// folder with components and bundles beneath.
///
/// # Errors
/// If nothing is found, or a folder cannot be read.
pub fn find(what: &Path, progress: &mut dyn FnMut(&str)) -> Result<Vec<Target>> {
    let is_crate = what.join("Cargo.toml").is_file();
    if what.is_dir() && !is_crate {
        let mut targets = Vec::new();
        walk(what, &mut targets)?;
        if targets.is_empty() {
            let folder = what.display();
            return Err(Error::Usage(format!(
                "{folder}: there is no component and no bundle beneath it"
            )));
        }
        return Ok(targets);
    }
    if what.is_file() {
        return Ok(vec![Target::component(what)]);
    }
    let subject = bundle::find(&what.to_string_lossy(), progress)?;
    Ok(vec![match subject.bundle() {
        Some(bundle) => Target::bundle(bundle),
        None => Target::component(&subject.component()),
    }])
}

/// Collects the guests beneath a folder in the order of their names; links to folders are not
/// followed.
fn walk(folder: &Path, targets: &mut Vec<Target>) -> Result<()> {
    if folder.join(bundle::MANIFEST).is_file() {
        targets.push(Target::bundle_at(folder));
        return Ok(());
    }
    let entries = std::fs::read_dir(folder).map_err(Error::file("list", folder))?;
    let mut paths = Vec::new();
    for entry in entries {
        let entry = entry.map_err(Error::file("list", folder))?;
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        paths.push((entry.path(), is_folder));
    }
    paths.sort_unstable();
    for (path, is_folder) in paths {
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if hidden {
            continue;
        }
        if is_folder {
            walk(&path, targets)?;
        } else if path.extension().is_some_and(|ending| ending == "wasm") {
            let is_stream = path.metadata().is_ok_and(|found| !found.is_file());
            targets.push(Target {
                error: is_stream.then(|| "it is a pipe or a device".to_owned()),
                ..Target::component(&path)
            });
        }
    }
    Ok(())
}
