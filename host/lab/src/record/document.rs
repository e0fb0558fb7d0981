//! A run as a file: JSON under a published schema, or CSV. Whatever a store has of a run is
//! in it, so that it can be read back exactly.

use super::entry::{Begin, End};
use crate::experiments::record::{Finding, Part};
use crate::record::Window;
use crate::sampling::interleave::Sampled;
use crate::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The version of a document's fields.
pub const SCHEMA: &str = "sandlab.run/2";

/// A whole run.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// The version of these fields: `sandlab.run/2`.
    pub schema: String,
    /// What a reader must know of all of it.
    pub begin: Begin,
    /// Agents on the backends, every sample.
    pub comparisons: Vec<Sampled>,
    /// Agents on the rungs of the ladder, every sample.
    pub ladders: Vec<Sampled>,
    /// Loads, limits, plans, starts and sandbox configs, in order.
    pub parts: Vec<PartDocument>,
    /// What else a reader must know.
    pub notes: Vec<String>,
    /// How it ended; null if it was killed, or had not ended.
    pub end: Option<End>,
}

/// One part of a run.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PartDocument {
    /// What was to be measured.
    pub part: Part,
    /// Every stretch of time of an open loop, in order.
    pub intervals: Vec<Window>,
    /// What else was found out, in order.
    pub findings: Vec<Finding>,
}

impl PartDocument {
    pub(super) fn new(part: Part) -> Self {
        Self {
            part,
            intervals: Vec::new(),
            findings: Vec::new(),
        }
    }
}

impl Document {
    pub(super) fn new(
        begin: Begin,
        parts: Vec<PartDocument>,
        comparisons: Vec<Sampled>,
        ladders: Vec<Sampled>,
        notes: Vec<String>,
        end: Option<End>,
    ) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            begin,
            comparisons,
            ladders,
            parts,
            notes,
            end,
        }
    }

    /// As JSON.
    ///
    /// # Errors
    /// If it cannot be encoded.
    pub fn json(&self) -> Result<String> {
        let json = serde_json::to_string_pretty(self).map_err(unencodable)?;
        Ok(json + "\n")
    }

    /// As CSV: a line for each value, with its place as a JSON pointer (RFC 6901).
    ///
    /// # Errors
    /// If it cannot be encoded.
    pub fn csv(&self) -> Result<String> {
        let value = serde_json::to_value(self).map_err(unencodable)?;
        Ok(super::csv::write(&value))
    }

    /// Reads either.
    ///
    /// # Errors
    /// If it is neither, or of another version; the message says where.
    pub fn read(text: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Version {
            schema: String,
        }
        let other = |schema: &str| {
            format!("it is {schema:?}, and this sandlab reads {SCHEMA:?}; export it anew")
        };
        if text.trim_start().starts_with('{') {
            let version: Version = serde_json::from_str(text)
                .map_err(|error| format!("it is no exported run: {error}"))?;
            if version.schema != SCHEMA {
                return Err(other(&version.schema));
            }
            let read: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
            return read.checked();
        }
        let value = super::csv::read(text)?;
        match value["schema"].as_str() {
            Some(SCHEMA) => {}
            schema => return Err(other(schema.unwrap_or_default())),
        }
        let read: Self = serde_json::from_value(value).map_err(|error| error.to_string())?;
        read.checked()
    }

    /// The JSON Schema that documents follow.
    pub fn json_schema() -> String {
        let schema = schemars::schema_for!(Self);
        let text = serde_json::to_string_pretty(&schema);
        text.unwrap_or_else(|_| unreachable!("a schema is JSON")) + "\n"
    }

    /// What a schema cannot say: every side of a case has as many rounds as the others.
    fn checked(self) -> Result<Self, String> {
        for sampled in self.comparisons.iter().chain(&self.ladders) {
            let rounds = sampled.rounds();
            if let Some(side) = sampled.sides.iter().find(|side| side.ns.len() != rounds) {
                return Err(format!(
                    "{} on {} has {} rounds, and {rounds} on its other sides",
                    sampled.agent,
                    side.side,
                    side.ns.len()
                ));
            }
        }
        Ok(self)
    }
}

fn unencodable(error: serde_json::Error) -> Error {
    Error::Machine(format!("cannot encode the run: {error}"))
}
