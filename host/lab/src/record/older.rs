//! Documents of the version before: `sandlab.run/2`, which kept comparisons and ladders apart
//! from the other parts, and had other names for some fields.

use super::document::{Document, PartDocument, SCHEMA as CURRENT};
use super::{Part, Rounds, Samples};
use serde::Deserialize;
use serde_json::{Map, Value};

/// The version that is read here.
pub(super) const SCHEMA: &str = "sandlab.run/2";

/// Reads a document of that version as one of the current version.
///
/// # Errors
/// If the text is no document of that version; the text of the error says what does not fit.
pub(super) fn read(text: &str) -> Result<Document, String> {
    let failed = |error: serde_json::Error| error.to_string();
    let mut old: Old = serde_json::from_str(text).map_err(failed)?;
    renamed(&mut old.begin, "profile", "sandbox");
    let mut parts = Vec::new();
    for mut part in old.parts {
        modernise(&mut part);
        parts.push(serde_json::from_value::<PartDocument>(Value::Object(part)).map_err(failed)?);
    }
    let sampled = [("compare", old.comparisons), ("ladder", old.ladders)];
    for (kind, cases) in sampled {
        parts.extend(cases.into_iter().map(|case| case.part(kind)));
    }
    Ok(Document {
        schema: CURRENT.to_owned(),
        begin: serde_json::from_value(Value::Object(old.begin)).map_err(failed)?,
        parts,
        notes: old.notes,
        end: serde_json::from_value(old.end).map_err(failed)?,
        derived: None,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Old {
    #[serde(rename = "schema")]
    _schema: String,
    begin: Map<String, Value>,
    comparisons: Vec<Sampled>,
    ladders: Vec<Sampled>,
    parts: Vec<Map<String, Value>>,
    notes: Vec<String>,
    end: Value,
}

/// A case on several sides.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sampled {
    agent: String,
    size: Option<usize>,
    mean_bytes: u64,
    sides: Vec<Samples>,
    timing_ns: Option<f64>,
}

impl Sampled {
    fn part(self, kind: &str) -> PartDocument {
        PartDocument {
            part: Part {
                size: self.size,
                mean_bytes: Some(self.mean_bytes),
                sides: self.sides.iter().map(|side| side.side.clone()).collect(),
                ..Part::new(kind, &self.agent)
            },
            windows: Vec::new(),
            rounds: Rounds { sides: self.sides, timing_ns: self.timing_ns, ..Rounds::default() },
            findings: Vec::new(),
        }
    }
}

fn modernise(part: &mut Map<String, Value>) {
    renamed(part, "intervals", "windows");
    part.insert("rounds".to_owned(), serde_json::json!({ "sides": [], "timing_ns": null }));
    let experiment = part.get_mut("part").and_then(|part| part.get_mut("experiment"));
    if let Some(experiment) = experiment.filter(|experiment| *experiment == "profile") {
        *experiment = "footprint".into();
    }
    let findings = part.get_mut("findings").and_then(Value::as_array_mut);
    for finding in findings.into_iter().flatten() {
        if let Some(finding) = finding.as_object_mut() {
            renamed(finding, "profile", "sandbox");
        }
    }
}

fn renamed(fields: &mut Map<String, Value>, old: &str, new: &str) {
    if let Some(value) = fields.remove(old) {
        fields.insert(new.to_owned(), value);
    }
}
