//! Annotations in the log of a GitHub workflow: a line of orders a metric that somebody should
//! look at.

use crate::report::annotation::{message, property};
use crate::verdict::gate::{Gated, Outcome, Verdict};
use std::fmt::Write;

/// An error for what fails the gate, a warning for what the data did not tell, and a notice
/// for what got better.
pub fn render(gated: &Gated) -> String {
    let mut text = String::new();
    for judged in &gated.metrics {
        let level = match (judged.outcome(), judged.verdict) {
            (Outcome::Fail, _) => "error",
            (Outcome::Warn, _) => "warning",
            (Outcome::Pass, Verdict::Improved) => "notice",
            (Outcome::Pass, _) => continue,
        };
        let title = property(&format!("sandlab gate: {}", judged.metric.name));
        let body = format!("{} ({})", judged.sentence(), gated.new);
        let _ = writeln!(text, "::{level} title={title}::{}", message(&body));
    }
    text
}
