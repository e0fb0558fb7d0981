//! The stored run: every sample, the settings and the environment.

mod csv;
mod differences;
mod document;
mod entry;
mod environment;
mod file;
mod noise;
mod part;
mod store;
mod window;

pub use differences::{Difference, conditions, differences};
pub use document::{Document, PartDocument, SCHEMA};
pub use entry::{Begin, Case, End, Entry, Sides};
pub use environment::Environment;
pub use file::{require_writable, write_whole};
pub use noise::{Noise, Watch};
pub use part::{Measurement, Point, Results};
pub use store::{Baseline, Listed, RunId, Store, Writer};
pub use window::{Phase, Window};

use crate::bundle::{self, Manifest, Subject};
use crate::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An agent that was measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Measured {
    /// What reports call it.
    pub agent: String,
    /// The SHA-256 of its component.
    pub component: String,
    /// How both of its sides were built; none for a component alone.
    pub built: Option<Manifest>,
}

impl Measured {
    /// # Errors
    /// If its component cannot be read.
    pub fn of(subject: &Subject) -> Result<Self> {
        let path = subject.component();
        let bytes = std::fs::read(&path).map_err(Error::file("read", &path))?;
        Ok(Self {
            agent: subject.name(),
            component: bundle::sha256(&bytes),
            built: subject.manifest().cloned(),
        })
    }
}
