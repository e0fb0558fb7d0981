//! The stored run: every sample, the settings and the environment, under one schema.

mod environment;
mod file;
mod journal;
mod noise;
mod part;

pub use environment::Environment;
pub use file::{require_writable, write_whole};
pub use journal::{Begin, End, Entry, JOURNAL, Journal, Lines};
pub use noise::{Noise, Watch};
pub use part::{Measurement, Point, Results};

use crate::bundle::{self, Manifest, Subject};
use crate::experiment::interleave::{Sampled, Settings};
use crate::{Error, Result};
use sandlab_runtime::Profile;
use serde::{Deserialize, Serialize};

/// The version of a run's fields.
pub const SCHEMA: &str = "sandlab.run/1";

/// One run.
#[derive(Debug, Serialize)]
pub struct Run {
    /// The version of these fields.
    pub schema: &'static str,
    /// When it started, RFC 3339.
    pub started: String,
    /// Whether it measured all that it was to.
    pub complete: bool,
    /// Where it ran.
    pub environment: Environment,
    /// What else the machine did meanwhile.
    pub noise: Noise,
    /// How it measured.
    pub settings: Settings,
    /// What the agents were allowed.
    pub profile: Profile,
    /// What was measured, and how it was built.
    pub agents: Vec<Measured>,
    /// What else a reader must know.
    pub notes: Vec<String>,
    /// What did not hold, so that nothing was measured of it.
    pub failures: Vec<String>,
    /// Agents on the backends, every sample.
    pub comparisons: Vec<Sampled>,
    /// Agents on the rungs of the ladder, every sample.
    pub ladders: Vec<Sampled>,
}

/// An agent that was measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
