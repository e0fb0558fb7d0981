//! Annotations in the log of a GitHub workflow: a line of orders a finding.

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
        };
        let title = property(&format!("{} {}", finding.code, finding.message));
        let body = super::text::sentence(&guest.name, finding);
        let _ = writeln!(
            text,
            "::{level} file={file},title={title}::{} ({stage})",
            message(&body)
        );
    }
    let reasons = guest
        .stages
        .iter()
        .filter(|stage| stage.status == Status::Error);
    let reasons = reasons.filter_map(|stage| stage.reason.as_ref());
    for reason in guest.error.iter().chain(reasons) {
        let body = message(&format!("{} could not be checked: {reason}", guest.name));
        let _ = writeln!(text, "::error file={file}::{body}");
    }
}

/// What the runner's own toolkit escapes in a message.
fn message(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// What it escapes in a property.
fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_an_annotation_or_begins_another() {
        assert_eq!(property("a,b::c\n::d%"), "a%2Cb%3A%3Ac%0A%3A%3Ad%25");
    }
}
