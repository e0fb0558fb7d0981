//! Bundles: the component and the twin of an agent, with a manifest of how they were built.
//!
//! ```text
//! <target>/agents/<name>/agent.wasm       the component
//!                        twin.so          its native twin
//!                        portable.so      the twin by instructions that wasm has, if that differs
//!                        manifest.json    names, hashes, sizes, compiler, flags
//!                        workload.jsonl   messages and replies, if the crate has them
//! ```
//!
//! A component that another tool built is a [`component`] alone.

mod build;
pub mod component;
mod find;
mod manifest;
mod reference;
mod scaffold;
mod subject;
mod toolchain;

pub use build::{build, is_crate};
pub use find::{find, find_all, find_each};
pub use manifest::{Artifact, Manifest};
pub use reference::pack;
pub use scaffold::{Language, check_name, scaffold};
pub use subject::{Equivalent, Subject};

use crate::{Error, Result};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use sha2::{Digest, Sha256};
use std::fs::{File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

pub(crate) const MANIFEST: &str = "manifest.json";
const COMPONENT: &str = "agent.wasm";
const TWIN: &str = "twin.so";
const PORTABLE: &str = "portable.so";
const WORKLOAD: &str = "workload.jsonl";

/// A bundle on disk, whose files match its manifest.
#[derive(Debug, Clone)]
pub struct Bundle {
    /// The bundle's folder.
    pub folder: PathBuf,
    /// The manifest.
    pub manifest: Manifest,
}

impl Bundle {
    /// Opens a bundle and checks its files against the manifest.
    ///
    /// # Errors
    /// If a file is missing, or its hash differs from the manifest's.
    pub fn open(folder: &Path) -> Result<Self> {
        let bad = |reason: String| Error::BadBundle { path: folder.to_owned(), reason };
        let text = std::fs::read_to_string(folder.join(MANIFEST))
            .map_err(|error| bad(format!("{MANIFEST}: {error}")))?;
        let manifest: Manifest =
            serde_json::from_str(&text).map_err(|error| bad(format!("{MANIFEST}: {error}")))?;
        if manifest.schema != manifest::SCHEMA {
            let (found, known) = (&manifest.schema, manifest::SCHEMA);
            return Err(bad(format!("its schema is {found:?}, not {known:?}")));
        }
        let artifacts = [&manifest.component, &manifest.twin].into_iter();
        for artifact in artifacts.chain(&manifest.portable) {
            let file = &artifact.file;
            let bytes = std::fs::read(folder.join(file))
                .map_err(|error| bad(format!("{file}: {error}")))?;
            if sha256(&bytes) != artifact.sha256 {
                return Err(bad(format!("{file} is not the file that was built")));
            }
        }
        Ok(Self { folder: folder.to_owned(), manifest })
    }

    /// Returns the component's file.
    pub fn component(&self) -> PathBuf {
        self.folder.join(&self.manifest.component.file)
    }

    /// Returns the twin's file.
    pub fn twin(&self) -> PathBuf {
        self.folder.join(&self.manifest.twin.file)
    }

    /// Returns the file of the twin without instructions that wasm lacks; `None` if there is none.
    pub fn portable(&self) -> Option<PathBuf> {
        Some(self.folder.join(&self.manifest.portable.as_ref()?.file))
    }

    /// Returns the crate's workload file; `None` if it has none.
    pub fn workload(&self) -> Option<PathBuf> {
        Some(self.folder.join(WORKLOAD)).filter(|file| file.is_file())
    }
}

/// Returns the SHA-256 of these bytes in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Creates a temporary folder next to the final one, so that [`publish`] is one rename.
fn draft(parent: &Path) -> Result<TempDir> {
    std::fs::create_dir_all(parent).map_err(Error::file("make the folder", parent))?;
    tempfile::Builder::new()
        .prefix(".draft-")
        .permissions(Permissions::from_mode(0o755))
        .tempdir_in(parent)
        .map_err(Error::file("write to", parent))
}

/// Replaces a folder by a finished draft in one step: readers of the folder see all of the old or
/// all of the new files.
fn replace(draft: TempDir, folder: &Path) -> Result<()> {
    // Of several processes that build the same, one after another.
    let lock = folder.with_file_name(".lock");
    let held = File::create(&lock).and_then(|file| file.lock().map(|()| file));
    let _held = held.map_err(Error::file("lock", &lock))?;
    if !folder.exists() {
        return publish(draft, folder);
    }
    let exchanged = renameat_with(CWD, draft.path(), CWD, folder, RenameFlags::EXCHANGE);
    match exchanged {
        // The draft is now what was there, and goes.
        Ok(()) => Ok(()),
        // Not every file system can exchange two folders.
        Err(Errno::INVAL | Errno::NOSYS) => {
            std::fs::remove_dir_all(folder).map_err(Error::file("replace", folder))?;
            publish(draft, folder)
        }
        Err(error) => Err(Error::file("replace", folder)(error.into())),
    }
}

/// Moves a finished draft to its final place.
fn publish(draft: TempDir, folder: &Path) -> Result<()> {
    std::fs::rename(draft.path(), folder).map_err(Error::file("write", folder))?;
    // The folder was renamed, so nothing is left to clean up.
    let _ = draft.keep();
    Ok(())
}
