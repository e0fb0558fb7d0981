//! SARIF 2.1.0, for code scanning (OASIS, Static Analysis Results Interchange Format).

use crate::validate::{Code, Finding, Guest, Severity, Stage, Status, Validation};
use crate::{Error, Result};
use serde_json::{Value, json};

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// One result a finding; what could not be checked is told of the tool's execution.
pub fn render(validation: &Validation) -> Result<String> {
    let guests = &validation.guests;
    let results = guests.iter().flat_map(|guest| {
        let found = guest.findings();
        found.map(move |(stage, _, finding)| result(guest, stage, finding))
    });
    let log = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "sandlab",
                "version": validation.sandlab,
                "rules": Code::ALL.iter().copied().map(rule).collect::<Vec<_>>(),
            }},
            "invocations": [{
                "executionSuccessful": validation.status != Status::Error,
                "toolExecutionNotifications":
                    guests.iter().flat_map(notifications).collect::<Vec<_>>(),
            }],
            "results": results.collect::<Vec<_>>(),
        }],
    });
    let text = serde_json::to_string_pretty(&log)
        .map_err(|error| Error::Machine(format!("cannot encode the report: {error}")))?;
    Ok(text + "\n")
}

fn rule(code: Code) -> Value {
    json!({
        "id": code.id(),
        "shortDescription": {"text": code.title()},
        "fullDescription": {"text": code.explanation()},
        "defaultConfiguration": {"level": level(code.severity())},
    })
}

fn result(guest: &Guest, stage: Stage, finding: &Finding) -> Value {
    let index = Code::ALL.iter().position(|code| *code == finding.code);
    json!({
        "ruleId": finding.code.id(),
        "ruleIndex": index,
        "level": level(finding.severity),
        "message": {"text": super::text::sentence(&guest.name, finding)},
        "locations": [location(guest, Some(&finding.place))],
        "properties": {
            "guest": guest.name,
            "stage": stage,
            "also": finding.also,
            "wanted": finding.wanted,
            "found": finding.found,
        },
    })
}

fn notifications(guest: &Guest) -> impl Iterator<Item = Value> {
    let reasons = guest.stages.iter().filter(|stage| stage.status == Status::Error);
    let reasons = reasons.filter_map(|stage| stage.reason.as_ref());
    guest.error.iter().chain(reasons).map(|reason| {
        json!({
            "level": "error",
            "message": {"text": format!("{} could not be checked: {reason}", guest.name)},
            "locations": [location(guest, None)],
        })
    })
}

fn location(guest: &Guest, place: Option<&str>) -> Value {
    let mut location = json!({
        "physicalLocation": {"artifactLocation": {"uri": uri(&guest.file.to_string_lossy())}},
    });
    if let Some(place) = place {
        location["logicalLocations"] = json!([{"fullyQualifiedName": place}]);
    }
    location
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

/// A path as a relative reference, or as a file's URI (RFC 3986).
fn uri(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
    let encoded = path.bytes().map(|byte| match byte {
        byte if plain(byte) => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    });
    let encoded: String = encoded.collect();
    if path.starts_with('/') {
        return format!("file://{encoded}");
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_becomes_a_reference() {
        assert_eq!(uri("a b/agent.wasm"), "a%20b/agent.wasm");
        assert_eq!(uri("/x/é"), "file:///x/%C3%A9");
    }
}
