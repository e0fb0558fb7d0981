//! The published schema of a run, and what it says of findings.

use super::registry::{check_finding, schemas};
use crate::record::Document;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

/// Returns the JSON Schema that exported runs follow.
pub fn run_schema() -> String {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let findings = schemas(&mut generator);
    let schema = generator.into_root_schema_for::<Document>();
    let mut schema: Value = schema.into();
    schema["$defs"]["Finding"] = json!({
        "description": "What a part found out besides windows and rounds.",
        "anyOf": findings,
    });
    let text = serde_json::to_string_pretty(&schema);
    text.unwrap_or_else(|_| unreachable!("a schema is JSON")) + "\n"
}

/// Checks the findings of a document that was read.
///
/// # Errors
/// If one is not of the experiment that its part names; the message says which.
pub fn check(document: &Document) -> Result<(), String> {
    for (number, part) in document.parts.iter().enumerate() {
        for (n, finding) in part.findings.iter().enumerate() {
            check_finding(&part.part.experiment, finding)
                .map_err(|error| format!("finding {n} of part {number}: {error}"))?;
        }
    }
    Ok(())
}
