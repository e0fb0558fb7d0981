//! What stands around a report's tables.

use super::run_report::RunReport;
use super::table::{Style, escaped};
use crate::metrics::{Topic, Unit};
use crate::record::{Environment, MeasuredAgent, Run};
use crate::verdict::{Grade, Graded, NotJudged};
use crate::view::{Cell, Emphasis, Form, Table, Value, View};
use std::collections::BTreeSet;

/// Writes lines one below another.
pub(super) fn list(lines: &[String], style: Style) -> String {
    let line = |line: &String| match style {
        Style::Markdown => format!("- {line}\n"),
        Style::Html => format!("<li>{}</li>\n", escaped(line)),
        Style::Colour | Style::Plain => format!("{line}\n"),
    };
    let text: String = lines.iter().map(line).collect();
    match style {
        Style::Html if !text.is_empty() => format!("<ul>\n{text}</ul>\n"),
        _ => text,
    }
}

/// Writes the sentences of a topic, and what is to be pasted.
pub(super) fn findings(view: &View, topic: Topic, style: Style) -> Vec<String> {
    let sentences = view.findings.iter().filter(|(of, _)| *of == topic);
    let sentences: Vec<_> = sentences.map(|(_, finding)| finding.clone()).collect();
    let snippets = view.snippets.iter().filter(|(of, _)| *of == topic);
    let snippets = snippets.map(|(_, toml)| match style {
        Style::Markdown => format!("```toml\n{toml}```\n"),
        Style::Html => format!("<pre>{}</pre>\n", escaped(toml)),
        Style::Colour | Style::Plain => toml.clone(),
    });
    let blocks = std::iter::once(list(&sentences, style)).chain(snippets);
    blocks.filter(|block| !block.is_empty()).collect()
}

/// Returns the machine and the versions in a line.
pub(super) fn machine(environment: &Environment) -> String {
    let unknown = || "not known".to_owned();
    format!(
        "{}, {}, Linux {}, load {}; sandlab {}, wasmtime {}, commit {}",
        environment.cpu.as_deref().unwrap_or("processor not known"),
        environment.cores_and_limits(),
        environment.kernel,
        environment.load.map_or_else(unknown, |n| n.to_string()),
        environment.sandlab,
        environment.wasmtime,
        environment.commit.clone().unwrap_or_else(unknown),
    )
}

/// Returns how agents were built, each way once.
pub(super) fn builds(agents: &[MeasuredAgent]) -> BTreeSet<String> {
    let manifests = agents.iter().filter_map(|agent| agent.built.as_ref());
    let lines = manifests.map(|built| {
        format!(
            "built with {}; component: {} {}; twin: {} {}",
            built.rustc,
            built.component.target,
            built.component.rustflags.join(" "),
            built.twin.target,
            built.twin.rustflags.join(" "),
        )
    });
    lines.collect()
}

/// Returns what a reader must know to judge the numbers, each note once.
pub(super) fn notes(run: &Run, view: &View) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for note in &view.notes {
        let line = format!("note: {note}");
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    if let Some(end) = &run.end {
        lines.extend(end.noise.warning().map(|noise| format!("note: {noise}")));
        lines.extend(end.failures.iter().map(|text| format!("failed: {text}")));
    }
    if !run.is_complete() {
        lines.push("note: not complete: this is what had been measured until then".to_owned());
    }
    lines
}

/// Returns how and where the run was measured.
pub(super) fn conditions(run: &Run, view: &View) -> Vec<String> {
    let mut lines = view.conditions.clone();
    lines.push(machine(&run.begin.environment));
    lines.extend(builds(&run.begin.agents));
    lines
}

/// Of more grades than these, those that meet their target are only counted.
const MOST_GRADES: usize = 12;

/// Returns the table of grades, those that miss their target first, what it says, and what is
/// not judged.
pub(super) fn grades(report: &RunReport) -> Option<(Table, Vec<String>)> {
    let RunReport { graded, not_judged, .. } = report;
    if graded.is_empty() && not_judged.is_empty() {
        return None;
    }
    let well = graded.iter().filter(|g| g.grade == Grade::Target).count();
    let sentence = format!("{well} of {} results meet their target", graded.len());
    let sentence = Some(sentence).filter(|_| !graded.is_empty());
    let sentences = sentence.into_iter().chain(not_judged.iter().map(NotJudged::to_string));
    let is_shown = |g: &&Graded| graded.len() <= MOST_GRADES || g.grade != Grade::Target;
    let mut shown: Vec<Graded> = graded.iter().filter(is_shown).cloned().collect();
    shown.sort_by_key(|graded| std::cmp::Reverse(graded.grade));
    // A bound is written as a person gave it: 10 MB and not 9.5 MiB.
    let bound = |read: fn(&Graded) -> f64| {
        move |graded: &Graded| {
            let form = match graded.metric.quantity.unit {
                Unit::Bytes => Form::Limit,
                unit => Form::from(unit),
            };
            Cell::from(Value::Number(read(graded), form)).seen(Emphasis::Dim)
        }
    };
    let form = Some(Form::Number);
    let table = Table::of("grades", "Targets", Topic::Overhead, &shown)
        .text("metric", "graded", |graded| graded.metric.name())
        .cells("measured", "measured", form, |graded| {
            number(graded, graded.metric.value.value).into()
        })
        .strong()
        .cells("target", "target", form, bound(|graded| graded.bounds.target))
        .cells("acceptable", "acceptable", form, bound(|graded| graded.bounds.acceptable))
        .cells("critical", "critical", form, bound(|graded| graded.bounds.critical))
        .cells("grade", "grade", None, |graded| {
            Cell::text(graded.grade.name()).seen(match graded.grade {
                Grade::Target => Emphasis::Good,
                Grade::Acceptable => Emphasis::Plain,
                Grade::Critical => Emphasis::Strong,
                Grade::Missed => Emphasis::Bad,
            })
        })
        .done();
    Some((table, sentences.collect()))
}

fn number(graded: &Graded, value: f64) -> Value {
    Value::Number(value, Form::from(graded.metric.quantity.unit))
}
