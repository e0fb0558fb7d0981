//! The reference agents that a released sandlab has in it, for folders that are no workspace.

use super::{draft, publish, sha256};
use crate::{Error, Result};
use include_dir::Dir;
#[cfg(feature = "agents")]
use include_dir::include_dir;
use std::path::{Path, PathBuf};

/// `make dist` names the folder of the bundles.
#[cfg(feature = "agents")]
static AGENTS: Option<Dir> = Some(include_dir!("$SANDLAB_AGENTS"));
#[cfg(not(feature = "agents"))]
static AGENTS: Option<Dir> = None;

/// Returns the folder of the bundles that are part of this program, which are written to the user's
/// cache when they are first needed: twins are loaded from files. `None` if it has none.
///
/// # Errors
/// If they cannot be written.
pub fn folder() -> Result<Option<PathBuf>> {
    AGENTS.as_ref().map(|agents| unpacked(agents, &cache())).transpose()
}

/// Returns where caches of this user belong: `XDG_CACHE_HOME`, `~/.cache`, or the folder for
/// temporary files.
fn cache() -> PathBuf {
    let set = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let set = set.filter(|folder| folder.is_absolute());
    let home = || std::env::home_dir().map(|home| home.join(".cache"));
    let folder = set.or_else(home).unwrap_or_else(std::env::temp_dir);
    folder.join("sandlab")
}

/// Writes bundles under a name that other contents do not have, unless they are there.
fn unpacked(agents: &Dir, cache: &Path) -> Result<PathBuf> {
    let mut manifests: Vec<_> = agents.dirs().flat_map(Dir::files).collect();
    manifests.retain(|file| file.path().extension().is_some_and(|ending| ending == "json"));
    manifests.sort_by_key(|file| file.path());
    let contents: Vec<u8> = manifests.iter().flat_map(|file| file.contents()).copied().collect();
    let folder = cache.join(format!("agents-{}", &sha256(&contents)[..16]));
    if folder.is_dir() {
        return Ok(folder);
    }
    let draft = draft(cache)?;
    agents.extract(draft.path()).map_err(Error::file("write to", cache))?;
    match publish(draft, &folder) {
        // Another process has just done the same.
        Err(_) if folder.is_dir() => Ok(folder),
        published => published.map(|()| folder),
    }
}
