//! A run as a file: one JSON document under a published schema. Whatever a store has of a run
//! is in it, so that it can be read back exactly.

use super::entry::{Begin, End};
use super::{Finding, Part, Rounds, Window, older};
use crate::{Error, Result};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The version of a document's fields.
pub const SCHEMA: &str = "sandlab.run/3";

/// A whole run.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// The version of these fields: `sandlab.run/3`.
    pub schema: String,
    /// The command, its time and its machine.
    pub begin: Begin,
    /// The parts of the run, in order.
    pub parts: Vec<PartDocument>,
    /// Notes on the whole run.
    pub notes: Vec<String>,
    /// The end of the run; null if it was killed, or had not ended.
    pub end: Option<End>,
    /// Metrics, grades, and changes against a baseline, calculated from the above. They are written
    /// for readers, and calculated anew when a document is imported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub derived: Option<Value>,
}

/// One part of a run.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PartDocument {
    /// The subject, backend, size and load of this part.
    pub part: Part,
    /// Every window of an open loop, in order.
    pub windows: Vec<Window>,
    /// The interleaved rounds.
    pub rounds: Rounds,
    /// The part's other findings, in order.
    pub findings: Vec<Finding>,
}

impl PartDocument {
    pub(super) fn new(part: Part) -> Self {
        Self {
            rounds: Rounds::of(part.sides.iter().map(String::as_str)),
            part,
            windows: Vec::new(),
            findings: Vec::new(),
        }
    }
}

impl Document {
    /// Returns the document as JSON.
    ///
    /// # Errors
    /// If it cannot be encoded.
    pub fn json(&self) -> Result<String> {
        let json = serde_json::to_string_pretty(self)
            .map_err(|error| Error::Machine(format!("cannot encode the run: {error}")))?;
        Ok(json + "\n")
    }

    /// Reads a document of this version or an older one.
    ///
    /// # Errors
    /// If it is no such document, or of an unknown version; the message has the place.
    pub fn read(text: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Version {
            schema: String,
        }
        let version: Version = serde_json::from_str(text)
            .map_err(|error| format!("it is no exported run: {error}"))?;
        let document: Self = match version.schema.as_str() {
            SCHEMA => serde_json::from_str(text).map_err(|error| error.to_string())?,
            older::SCHEMA => older::read(text)?,
            other => {
                return Err(format!(
                    "it is {other:?}, and this sandlab reads {SCHEMA:?} and {:?}; export it anew",
                    older::SCHEMA
                ));
            }
        };
        document.checked()
    }

    /// Checks rules that a schema cannot express: the run starts at a time, numbers are such that a
    /// store can keep them, and every side of a part has as many rounds as the others.
    fn checked(self) -> Result<Self, String> {
        let started = &self.begin.started;
        started.parse::<Timestamp>().map_err(|error| {
            format!("`begin.started` is {started:?}, and no time as of RFC 3339: {error}")
        })?;
        for (number, PartDocument { part, windows, .. }) in self.parts.iter().enumerate() {
            require_kept(&format!("parts[{number}].part.agents"), part.agents as u64)?;
            for (n, window) in windows.iter().enumerate() {
                for (field, value) in window.numbers() {
                    require_kept(&format!("parts[{number}].windows[{n}].{field}"), value)?;
                }
            }
        }
        for PartDocument { part, rounds, .. } in &self.parts {
            let count = rounds.len();
            if let Some(side) = rounds.sides.iter().find(|side| side.ns.len() != count) {
                return Err(format!(
                    "{} on {} has {} rounds, and {count} on its other sides",
                    part.agent,
                    side.side,
                    side.ns.len()
                ));
            }
            let references = rounds.reference_ns.len();
            if references != 0 && references != count {
                return Err(format!(
                    "{} has {references} times of the fixed computation, and {count} rounds",
                    part.agent
                ));
            }
            let left_out = rounds.left_out.iter().map(|it| it.round);
            if !left_out.clone().is_sorted_by(|a, b| a < b) || left_out.max() >= Some(count.max(1))
            {
                return Err(format!(
                    "the rounds of {} that do not count are not in order, or are not there",
                    part.agent
                ));
            }
            if !part.sides.iter().eq(rounds.sides.iter().map(|side| &side.side)) {
                return Err(format!(
                    "the rounds of {} are not of the sides that its part names",
                    part.agent
                ));
            }
        }
        Ok(self)
    }
}

/// The largest whole number of a store, which has signed ones.
const LARGEST: u64 = i64::MAX as u64;

fn require_kept(field: &str, value: u64) -> Result<(), String> {
    match value {
        ..=LARGEST => Ok(()),
        _ => Err(format!("`{field}` is {value}: it is at most {LARGEST}")),
    }
}
