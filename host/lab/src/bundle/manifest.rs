//! The manifest of a bundle.

use super::sha256;
use crate::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The version of the manifest's format.
pub const SCHEMA: &str = "sandlab.bundle/1";

/// A bundle's `manifest.json`. It has no date: the same source, compiler and flags give
/// the same manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Manifest {
    /// The version of the manifest's format.
    pub schema: String,
    /// The name of the agent and of its crate.
    pub name: String,
    /// The crate's version.
    pub version: String,
    /// The world of the WIT package that the component targets.
    pub world: String,
    /// The compiler of both builds, as `rustc --version` prints it.
    pub rustc: String,
    /// Cargo's `--config` settings for both builds.
    pub profile: Vec<String>,
    /// The component.
    pub component: Artifact,
    /// The native twin.
    pub twin: Artifact,
    /// The native twin without instructions that wasm lacks too; `None` if the crate names no flags
    /// that leave them out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub portable: Option<Artifact>,
}

/// One of a bundle's builds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Artifact {
    /// The file's name in the bundle.
    pub file: String,
    /// The file's SHA-256 in hexadecimal.
    pub sha256: String,
    /// The file's size.
    pub bytes: u64,
    /// The target triple.
    pub target: String,
    /// The compiler's flags, besides those of the profile.
    pub rustflags: Vec<String>,
}

impl Artifact {
    /// Copies a build into a bundle and returns its description.
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

/// The target and flags of one of the builds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Side<'a> {
    pub target: &'a str,
    pub rustflags: &'a [&'a str],
}
