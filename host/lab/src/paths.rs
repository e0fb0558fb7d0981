//! Paths in JSON, also those that are no UTF-8, which JSON has no strings for; and where
//! temporary files go.

use crate::{Error, Result};
use serde::Serializer;
use std::ffi::OsStr;
use std::path::Path;
use tempfile::TempDir;

/// The start of the names of temporary folders.
const PREFIX: &str = "sandlab-";

/// Makes a folder that is gone when it is dropped.
///
/// # Errors
/// If the folder for temporary files cannot be written.
pub fn temporary_folder() -> Result<TempDir> {
    tempfile::Builder::new().prefix(PREFIX).tempdir().map_err(|error| {
        Error::Machine(format!(
            "cannot write to {}, the folder for temporary files: {error}; set TMPDIR to another",
            std::env::temp_dir().display()
        ))
    })
}

/// Returns true for a file in a folder that [`temporary_folder`] made.
pub fn is_temporary(file: &Path) -> bool {
    let folder = file.parent().filter(|folder| folder.parent() == Some(&std::env::temp_dir()));
    let name = folder.and_then(Path::file_name);
    name.is_some_and(|name| name.to_string_lossy().starts_with(PREFIX))
}

/// Returns true for a path that means something else in another process, such as `/dev/stdin`.
pub fn is_of_process(path: &Path) -> bool {
    path.starts_with("/dev") || path.starts_with("/proc")
}

/// Returns a path as text, with what is no UTF-8 spelled out (`\xff`).
pub fn shown(path: impl AsRef<OsStr>) -> String {
    let mut text = String::new();
    for chunk in path.as_ref().as_encoded_bytes().utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

/// For reports: the path as text.
///
/// # Errors
/// If the text cannot be written.
pub fn serialize<S: Serializer>(path: &Path, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&shown(path))
}

/// For another process of this program: the path's bytes, which come back exactly.
pub mod exact {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::ffi::OsString;
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    use std::path::{Path, PathBuf};

    /// Writes the bytes.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn serialize<S: Serializer>(path: &Path, to: S) -> Result<S::Ok, S::Error> {
        path.as_os_str().as_bytes().serialize(to)
    }

    /// Reads the bytes.
    ///
    /// # Errors
    /// If there are none.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<PathBuf, D::Error> {
        Vec::deserialize(from).map(|bytes| OsString::from_vec(bytes).into())
    }
}
