//! The published schema of a run, and what it says of findings.

use super::plan;
use super::registry::{check_finding, kinds, schemas};
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

/// Checks the parts of a document that was read, and their findings.
///
/// # Errors
/// If a part is of no experiment that there is, or a finding not of that of its part; the message
/// says which.
pub fn check(document: &Document) -> Result<(), String> {
    let kinds = kinds();
    for (number, part) in document.parts.iter().enumerate() {
        let kind = part.part.experiment.as_str();
        if !kinds.contains(&kind) {
            return Err(format!(
                "`parts[{number}].part.experiment` is {kind:?}: there is none of this name; there \
                 are {}",
                kinds.join(", ")
            ));
        }
        if part.part.agents == 0 && kind != plan::KIND {
            return Err(format!("`parts[{number}].part.agents` is 0: it is at least 1"));
        }
        for (n, finding) in part.findings.iter().enumerate() {
            check_finding(&part.part.experiment, finding)
                .map_err(|error| format!("finding {n} of part {number}: {error}"))?;
        }
    }
    Ok(())
}
