//! What a bundle says of itself.

use super::sha256;
use crate::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The version of the manifest's fields.
pub const SCHEMA: &str = "sandlab.bundle/1";

/// A bundle's `manifest.json`. It has no date: the same source, compiler and flags give
/// the same manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Manifest {
    /// The version of these fields.
    pub schema: String,
    /// The crate's name, which is the agent's.
    pub name: String,
    /// The crate's version.
    pub version: String,
    /// The world of the WIT package that the component targets.
    pub world: String,
    /// The compiler of both, as `rustc --version` names it.
    pub rustc: String,
    /// What builds both: cargo's `--config` settings.
    pub profile: Vec<String>,
    /// The component.
    pub component: Artifact,
    /// The native twin.
    pub twin: Artifact,
}

/// One of a bundle's two builds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Artifact {
    /// Its file in the bundle.
    pub file: String,
    /// The SHA-256 of the file.
    pub sha256: String,
    /// The file's size.
    pub bytes: u64,
    /// For which target it was compiled.
    pub target: String,
    /// The compiler's flags besides the profile.
    pub rustflags: Vec<String>,
}

impl Artifact {
    /// Copies a build into a bundle, and describes it.
    pub(super) fn copy(from: &Path, folder: &Path, file: &str, side: Side) -> Result<Self> {
        let bytes = std::fs::read(from).map_err(Error::file("read", from))?;
        let to = folder.join(file);
        std::fs::write(&to, &bytes).map_err(Error::file("write", &to))?;
        Ok(Self {
            file: file.to_owned(),
            sha256: sha256(&bytes),
            bytes: bytes.len() as u64,
            target: side.target.to_owned(),
            rustflags: side.rustflags.iter().map(|s| (*s).to_owned()).collect(),
        })
    }
}

/// How one of the two builds is made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Side<'a> {
    pub target: &'a str,
    pub rustflags: &'a [&'a str],
}
