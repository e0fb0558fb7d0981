//! The parts of a report around its tables.

use super::run_report::RunReport;
use super::table::{Style, escaped};
use crate::metrics::{Topic, Unit};
use crate::printable::printable_lines;
use crate::record::{Environment, MeasuredAgent, Run, RunPart};
use crate::verdict::{Grade, Graded, NotJudged};
use crate::view::{Cell, Emphasis, Form, Note, Table, Value, View};
use console::measure_text_width;
use std::collections::BTreeSet;

/// Writes lines one below another.
pub(super) fn list(lines: &[String], style: Style) -> String {
    let line = |line: String| match style {
        Style::Markdown => format!("- {line}\n"),
        Style::Html => format!("<li>{}</li>\n", escaped(&line)),
        Style::Colour | Style::Plain => format!("{line}\n"),
    };
    let text: String = lines.iter().map(|text| line(printable_lines(text))).collect();
    match style {
        Style::Html if !text.is_empty() => format!("<ul>\n{text}</ul>\n"),
        _ => text,
    }
}

/// Breaks a line between words so that no piece is longer than the width, but a word that is by
/// itself; all pieces but the first are indented.
pub(crate) fn wrapped(line: &str, width: usize, indent: &str) -> String {
    let words = line.trim_start();
    let mut text = line[..line.len() - words.len()].to_owned();
    let mut column = text.len();
    for (number, word) in words.split(' ').enumerate() {
        let long = measure_text_width(word);
        if number > 0 && column + 1 + long > width {
            text = text + "\n" + indent;
            column = indent.len();
        } else if number > 0 {
            text.push(' ');
            column += 1;
        }
        text += word;
        column += long;
    }
    text
}

/// As [`wrapped`], and breaks a word that is longer than a line, such as a path, within it.
pub(super) fn broken(line: &str, width: usize, indent: &str) -> String {
    let lines = wrapped(line, width, indent);
    let lines = lines.lines().map(|line| {
        let (mut text, mut column) = (String::new(), 0);
        for c in line.chars() {
            let wide = measure_text_width(c.encode_utf8(&mut [0; 4]));
            if column + wide > width {
                text = text + "\n" + indent;
                column = indent.len();
            }
            text.push(c);
            column += wide;
        }
        text
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Writes lines one below another for a terminal, none wider than it.
pub(super) fn list_within(lines: &[String], width: usize) -> String {
    lines.iter().map(|line| wrapped(&printable_lines(line), width, "  ") + "\n").collect()
}

/// Writes the sentences of a topic, wrapped to a terminal's width, and the lines to paste.
pub(super) fn findings(view: &View, topic: Topic, style: Style, width: usize) -> Vec<String> {
    let sentences = view.findings.iter().filter(|(of, _)| *of == topic);
    let sentences: Vec<_> = sentences.map(|(_, finding)| finding.clone()).collect();
    let sentences = match style {
        Style::Colour | Style::Plain => list_within(&sentences, width),
        Style::Markdown | Style::Html => list(&sentences, style),
    };
    let snippets = view.snippets.iter().filter(|(of, _)| *of == topic);
    let snippets = snippets.map(|(_, toml)| match style {
        Style::Markdown => format!("```toml\n{toml}```\n"),
        Style::Html => format!("<pre>{}</pre>\n", escaped(toml)),
        Style::Colour | Style::Plain => {
            toml.lines().map(|line| remark_within(line, width)).collect()
        }
    });
    let blocks = std::iter::once(sentences).chain(snippets);
    blocks.filter(|block| !block.is_empty()).collect()
}

/// Writes a line of a TOML file; a remark is broken, a value is not.
fn remark_within(line: &str, width: usize) -> String {
    match line.starts_with('#') {
        true => wrapped(line, width, "# ") + "\n",
        false => format!("{line}\n"),
    }
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

/// Returns the notes of a run, with similar ones merged.
pub(super) fn notes(run: &Run, view: &View) -> Vec<Note> {
    let parts: Vec<String> = run.parts.iter().map(RunPart::name).collect();
    let mut notes = Note::collapsed(&view.notes, &parts);
    for note in &mut notes {
        note.text = format!("note: {}", note.text);
    }
    if let Some(end) = &run.end {
        notes.extend(end.noise.warning().map(|noise| Note::new(format!("note: {noise}"))));
        notes.extend(end.failures.iter().map(|text| Note::new(format!("failed: {text}"))));
    }
    if !run.is_complete() {
        let text = "note: not complete: this is what had been measured until then";
        notes.push(Note::new(text));
    }
    notes
}

/// Returns notes as lines, with the details of merged notes if `has_details`.
pub(super) fn note_lines(notes: &[Note], has_details: bool) -> Vec<String> {
    let lines = notes.iter().flat_map(|note| {
        let details = note.details.iter().filter(move |_| has_details);
        let details = details.map(|detail| format!("  {detail}"));
        std::iter::once(note.text.clone()).chain(details)
    });
    lines.collect()
}

/// Returns how and where the run was measured.
pub(super) fn conditions(run: &Run, view: &View) -> Vec<String> {
    let mut lines = view.conditions.clone();
    lines.push(machine(&run.begin.environment));
    lines.extend(builds(&run.begin.agents));
    lines
}

/// Of more grades than these, those that meet their target are only counted.
pub(super) const MOST_GRADES: usize = 12;

/// Returns the table of grades, those that miss their target first, with its summary and the
/// metrics that are not judged. With more than `most` grades, the table has only those that miss
/// their target.
pub(super) fn grades(report: &RunReport, most: usize) -> Option<(Table, Vec<String>)> {
    let RunReport { graded, not_judged, .. } = report;
    if graded.is_empty() && not_judged.is_empty() {
        return None;
    }
    let well = graded.iter().filter(|g| g.grade == Grade::Target).count();
    let sentence = format!("{well} of {} results meet their target", graded.len());
    let sentence = Some(sentence).filter(|_| !graded.is_empty());
    let sentences = sentence.into_iter().chain(not_judged.iter().map(NotJudged::to_string));
    let is_shown = |g: &&Graded| graded.len() <= most || g.grade != Grade::Target;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_wider_than_asked_whatever_its_words_are() {
        let long = "x".repeat(70);
        for line in [format!("a {long} b"), long.clone(), "世界".repeat(30), String::new()] {
            let text = broken(&line, 30, "  ");
            assert!(text.lines().all(|line| measure_text_width(line) <= 30), "{text}");
            let signs =
                |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            assert_eq!(signs(&text), signs(&line));
        }
        assert_eq!(wrapped(&long, 30, "  "), long);
    }
}
