//! From what a person names to the guests that are checked.

use crate::bundle::{self, Bundle, Subject};
use crate::{Error, Result};
use std::path::{Path, PathBuf};

/// One guest that is to be checked.
#[derive(Debug, Clone)]
pub struct Target {
    /// What reports call it: the bundle's name, or the file's path as it was given.
    pub name: String,
    /// The component's file.
    pub component: PathBuf,
    /// The native twin's.
    pub twin: Option<PathBuf>,
    /// The bundle's own messages.
    pub workload: Option<PathBuf>,
    /// The agent's name, if it is a bundle.
    pub agent: Option<String>,
    /// Why it cannot be checked.
    pub error: Option<String>,
}

impl Target {
    fn component(path: &Path) -> Self {
        Self {
            name: path.display().to_string(),
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

    /// A bundle's folder; one that is damaged is told when its turn comes.
    fn bundle_at(folder: &Path) -> Self {
        match Bundle::open(folder) {
            Ok(bundle) => Self::bundle(&bundle),
            Err(error) => Self {
                error: Some(error.to_string()),
                ..Self::component(folder)
            },
        }
    }

    /// The names by which a policy can mean it.
    pub fn names(&self) -> Vec<&str> {
        let file = self.component.file_name().and_then(|name| name.to_str());
        let stem = self.component.file_stem().and_then(|name| name.to_str());
        let of_file = [file, stem].into_iter().flatten();
        // Every bundle's file has the same name.
        let of_file = of_file.filter(|_| self.agent.is_none());
        [self.name.as_str()].into_iter().chain(of_file).collect()
    }
}

/// Finds the guests that are meant: a component's file, a bundle's or a crate's folder, an
/// agent's name, or a folder with components and bundles beneath.
///
/// # Errors
/// If there is nothing, or it cannot be looked at.
pub fn find(what: &Path, progress: &mut dyn FnMut(&str)) -> Result<Vec<Target>> {
    let is_crate = what.join("Cargo.toml").is_file();
    if what.is_dir() && !is_crate {
        let mut targets = Vec::new();
        walk(what, &mut targets)?;
        if targets.is_empty() {
            let folder = what.display();
            return Err(Error::Usage(format!(
                "{folder}: there is no component and no bundle in it"
            )));
        }
        return Ok(targets);
    }
    if what.is_file() {
        return Ok(vec![Target::component(what)]);
    }
    let subject = bundle::find(&what.to_string_lossy(), progress)?;
    Ok(vec![match subject {
        Subject::Bundle(bundle) => Target::bundle(&bundle),
        Subject::Component(path) => Target::component(&path),
    }])
}

/// Beneath a folder, in the order of names; links to folders are not followed.
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
        let hidden = path
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if hidden {
            continue;
        }
        if is_folder {
            walk(&path, targets)?;
        } else if path.extension().is_some_and(|ending| ending == "wasm") {
            targets.push(Target::component(&path));
        }
    }
    Ok(())
}
