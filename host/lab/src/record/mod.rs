//! The stored run: every sample, the settings and the environment.

mod closed_loop;
mod differences;
mod disturbance;
mod document;
mod entry;
mod environment;
mod file;
mod finding;
mod folded;
mod machine;
mod noise;
mod older;
mod paired;
mod part;
mod rounds;
mod store;
mod window;
mod worker;

pub use closed_loop::{Clients, ClosedLoop, ClosedWindow, Mode};
pub use differences::{Difference, conditions, contents, differences};
pub use disturbance::{Disturbance, Tally};
pub use document::{Document, PartDocument, SCHEMA};
pub use entry::{Begin, End, Entry};
pub use environment::Environment;
pub use file::{require_writable, write_whole};
pub use finding::{Finding, Shared};
pub use folded::{Folded, Hot};
pub use machine::Stretch;
pub use noise::{Noise, Watch};
pub use paired::Paired;
pub use part::{Mix, Part, Point, Run, RunPart};
pub use rounds::{LeftOut, Round, RoundSettings, Rounds, Samples};
pub use store::{Baseline, Held, Listed, RunId, Store, Writer};
pub use window::{Phase, Window};
pub use worker::WorkerShare;

use crate::Result;
use crate::bundle::{self, Manifest, Subject};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An agent that was measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MeasuredAgent {
    /// The name in reports.
    pub agent: String,
    /// The SHA-256 of its component.
    pub component: String,
    /// The manifest of the component and its twin; null for a component alone.
    pub built: Option<Manifest>,
}

impl MeasuredAgent {
    /// Reads the component of a subject.
    ///
    /// # Errors
    /// If its component cannot be read.
    pub fn of(subject: &Subject) -> Result<Self> {
        Ok(Self {
            agent: subject.name(),
            component: bundle::sha256(&subject.bytes()?),
            built: subject.manifest().cloned(),
        })
    }
}
