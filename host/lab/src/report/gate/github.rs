//! Annotations in the log of a GitHub workflow: a workflow command for each metric that somebody
//! should look at.

use crate::printable::printable;
use crate::report::annotation::{message, property};
use crate::verdict::gate::{GateReport, Outcome, Verdict};
use std::fmt::Write;

/// Writes an error for what fails the gate, a warning for what the data did not decide, and a
/// notice for what got better.
pub fn render(report: &GateReport) -> String {
    let mut text = String::new();
    for failure in &report.failures {
        let title = property("sandlab gate");
        let _ = writeln!(text, "::error title={title}::{}", message(failure));
    }
    for judged in &report.metrics {
        let level = match (judged.outcome(), judged.verdict) {
            (Outcome::Fail, _) => "error",
            (Outcome::Warn, _) => "warning",
            (Outcome::Pass, Verdict::Improved) => "notice",
            (Outcome::Pass, _) => continue,
        };
        let title = property(&format!("sandlab gate: {}", judged.metric.name));
        let body = format!("{} ({})", judged.sentence(), printable(&report.compared.new));
        let _ = writeln!(text, "::{level} title={title}::{}", message(&body));
    }
    text
}
