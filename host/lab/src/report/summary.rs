//! The summary of a run in a few lines.

use super::run_report::{Compared, RunReport};
use crate::verdict::{Change, Grade, Verdict, speed};
use crate::view::Form;

/// The colour of a line: good, bad, or neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Good,
    Bad,
    Warning,
    Plain,
}

/// A line of the summary.
pub struct Line {
    pub tone: Tone,
    pub text: String,
}

fn line(tone: Tone, text: impl Into<String>) -> Line {
    Line { tone, text: text.into() }
}

/// Returns lines on targets and changes, and on conditions that weaken the comparison.
pub fn summary(report: &RunReport) -> Vec<Line> {
    targets(report).into_iter().chain(summary_without_targets(report)).collect()
}

/// Returns the summary without its lines on targets, for reports that show them elsewhere.
pub fn summary_without_targets(report: &RunReport) -> Vec<Line> {
    let mut lines: Vec<Line> = not_judged(report).into_iter().collect();
    lines.extend(report.view.objections.iter().map(|text| line(Tone::Bad, text)));
    if let Some(compared) = &report.baseline {
        lines.extend(changes(&compared.name, &compared.changes));
        lines.extend(
            speed(&compared.changes).map(|text| line(Tone::Plain, format!("Machine: {text}"))),
        );
        lines.extend(not_alike(compared).map(|text| line(Tone::Warning, text)));
    }
    let end = report.run.end.as_ref();
    let noise = end.and_then(|end| end.noise.warning());
    lines.extend(noise.map(|noise| line(Tone::Warning, noise)));
    if !report.run.is_complete() {
        let text = "Not complete: this is what had been measured until then";
        lines.push(line(Tone::Warning, text));
    }
    lines
}

/// Returns a sentence on the conditions that differ between the baseline and the run; `None` if all
/// are equal.
pub fn not_alike(compared: &Compared) -> Option<String> {
    let differ: Vec<String> = compared.differences.iter().map(ToString::to_string).collect();
    let text = || format!("Not measured alike, baseline and now: {}", differ.join("; "));
    (!differ.is_empty()).then(text)
}

fn changes(baseline: &str, changes: &[Change]) -> Vec<Line> {
    let count = |verdict| changes.iter().filter(|change| change.verdict == verdict).count();
    let withheld = changes.iter().filter(|change| change.because.is_some());
    let withheld: Vec<_> = withheld.collect();
    let mut lines = vec![
        match count(Some(Verdict::Regressed)) {
            0 if !withheld.is_empty() && withheld.len() == changes.len() => {
                line(Tone::Warning, format!("Nothing is judged against {baseline}"))
            }
            0 => line(Tone::Good, format!("No regression against {baseline}")),
            n => {
                let names = largest(changes, Verdict::Regressed);
                line(Tone::Bad, format!("{n} regressions against {baseline}: {names}"))
            }
        },
        match count(Some(Verdict::Improved)) {
            0 => line(Tone::Plain, "No improvement"),
            n => {
                let names = largest(changes, Verdict::Improved);
                line(Tone::Good, format!("{n} improvements: {names}"))
            }
        },
    ];
    lines.push(match changes.len() {
        0 => line(Tone::Warning, "The baseline measured nothing that this run did"),
        all => line(
            Tone::Plain,
            format!(
                "{all} metrics are in both runs: {} are equivalent, {} inconclusive, and {} were \
                 read once and are not judged. One run each: what the machine did meanwhile is in \
                 the difference, which `sandlab gate` on two builds takes out",
                count(Some(Verdict::Equivalent)),
                count(Some(Verdict::Inconclusive)),
                count(None) - withheld.len(),
            ),
        ),
    });
    lines.extend(withheld.first().map(|change| {
        let because = change.because.as_deref().unwrap_or_default();
        let (count, name) = (withheld.len(), change.metric.name());
        let text = format!("{count} metrics are not judged: {name}, because {because}");
        line(Tone::Warning, text)
    }));
    lines
}

/// Names the three largest changes of a verdict.
fn largest(changes: &[Change], verdict: Verdict) -> String {
    let size = |change: &Change| change.change.map_or(f64::INFINITY, |change| change.value.abs());
    let found = changes.iter().filter(|change| change.verdict == Some(verdict));
    let mut found: Vec<_> = found.collect();
    found.sort_by(|a, b| size(b).total_cmp(&size(a)));
    let named = found.iter().take(3).map(|change| {
        let by = change.change.map_or_else(String::new, |by| Form::Change.show(by.value));
        format!("{} {by}", change.metric.name())
    });
    named.collect::<Vec<_>>().join("; ")
}

/// Returns a line on the targets that are met, with the names of those that are not; `None` if no
/// metric has one.
fn targets(report: &RunReport) -> Option<Line> {
    let graded = &report.graded;
    let all = graded.len();
    let count = |grade| graded.iter().filter(|graded| graded.grade == grade).count();
    let (met, missed) = (count(Grade::Target), count(Grade::Missed));
    let worst = graded.iter().filter(|graded| graded.grade != Grade::Target);
    let mut worst: Vec<_> = worst.collect();
    worst.sort_by_key(|graded| std::cmp::Reverse(graded.grade));
    let names = worst.iter().take(3).map(|graded| {
        let form = Form::from(graded.metric.quantity.unit);
        format!("{} {}", graded.metric.name(), form.show(graded.metric.value.value))
    });
    let names = names.collect::<Vec<_>>().join("; ");
    let not_judged = match report.not_judged.len() {
        0 => String::new(),
        count => format!(", {count} not judged"),
    };
    let said = format!("Targets: {met} of {all} met{not_judged}");
    match all {
        0 => None,
        _ if met == all && not_judged.is_empty() => Some(line(Tone::Good, said)),
        _ if met == all => Some(line(Tone::Warning, said)),
        _ if missed > 0 => {
            Some(line(Tone::Bad, format!("{said}, {missed} worse than critical: {names}")))
        }
        _ => Some(line(Tone::Warning, format!("{said}, none worse than critical: {names}"))),
    }
}

/// Returns a line on metrics with a target and no grade, with the reason of the first for all.
fn not_judged(report: &RunReport) -> Option<Line> {
    let (first, others) = report.not_judged.split_first()?;
    Some(line(
        Tone::Warning,
        match others.len() {
            0 => first.to_string(),
            1 => format!("{first} (and 1 more)"),
            count => format!("{first} (and {count} more)"),
        },
    ))
}
