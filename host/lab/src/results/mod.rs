//! The stored run: every sample, the settings and the environment, under one schema.

mod environment;

pub use environment::Environment;

use crate::experiment::compare::{Sampled, Settings};
use crate::{Error, Result};
use sandlab_runtime::Profile;
use serde::Serialize;
use std::io::Write;
use std::path::Path;

/// The version of a run's fields.
pub const SCHEMA: &str = "sandlab.run/1";

/// One run of a comparison.
#[derive(Debug, Serialize)]
pub struct Run {
    /// The version of these fields.
    pub schema: &'static str,
    /// When it started, RFC 3339.
    pub started: String,
    /// Whether it measured all that it was to, or was stopped.
    pub complete: bool,
    /// Where it ran.
    pub environment: Environment,
    /// How it measured.
    pub settings: Settings,
    /// What the agents were allowed.
    pub profile: Profile,
    /// What else a reader must know.
    pub notes: Vec<String>,
    /// What it measured, every sample.
    pub cases: Vec<Sampled>,
}

/// Writes a file, all of it or nothing.
///
/// # Errors
/// If the folder cannot be written.
pub fn write_whole(path: &Path, content: &[u8]) -> Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut draft = tempfile::NamedTempFile::new_in(folder).map_err(Error::file("write", path))?;
    draft
        .write_all(content)
        .map_err(Error::file("write", path))?;
    let written = draft.persist(path).map_err(|error| error.error);
    written.map_err(Error::file("write", path))?;
    Ok(())
}

/// Sees to it that a file can be written, before hours are spent on its content.
///
/// # Errors
/// If it cannot.
pub fn require_writable(path: &Path) -> Result<()> {
    if path.is_dir() {
        let error = std::io::Error::from(std::io::ErrorKind::IsADirectory);
        return Err(Error::file("write", path)(error));
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let draft = tempfile::NamedTempFile::new_in(folder);
    draft.map(drop).map_err(Error::file("write", path))
}
