//! Annotations in the log of a GitHub workflow: a line of orders a finding.

use crate::report::annotation::{message, property};
use crate::validate::{Guest, Severity, Status, Validation};
use std::fmt::Write;

/// One annotation a finding, and one a guest that could not be checked.
pub fn render(validation: &Validation) -> String {
    let mut text = String::new();
    for guest in &validation.guests {
        annotate(guest, &mut text);
    }
    text
}

fn annotate(guest: &Guest, text: &mut String) {
    let file = property(&guest.file.to_string_lossy());
    for (stage, _, finding) in guest.findings() {
        let level = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "notice",
        };
        let title = property(&format!("{} {}", finding.code, finding.message));
        let body = super::text::sentence(&guest.name, finding);
        let _ = writeln!(text, "::{level} file={file},title={title}::{} ({stage})", message(&body));
    }
    let reasons = guest.stages.iter().filter(|stage| stage.status == Status::Error);
    let reasons = reasons.filter_map(|stage| stage.reason.as_ref());
    for reason in guest.error.iter().chain(reasons) {
        let body = message(&format!("{} could not be checked: {reason}", guest.name));
        let _ = writeln!(text, "::error file={file}::{body}");
    }
}
