//! Findings one below the other, and then a table of all guests.

use crate::metrics::Topic;
use crate::metrics::format::counted;
use crate::report::fit::drawn;
use crate::report::look::{Detail, Look};
use crate::report::page::wrapped;
use crate::validate::{Check, Finding, Guest, Measure, Severity, Stage, Status, Validation};
use crate::view::{Cell, Emphasis, Form, Table, Value};
use console::style;
use std::cmp::Reverse;
use std::fmt::Write;

/// For a person.
pub fn render(validation: &Validation, look: &Look) -> String {
    if look.detail == Detail::Quiet {
        return summary(validation, look);
    }
    let mut text = String::new();
    for guest in &validation.guests {
        findings(guest, look, &mut text);
    }
    let tables = [Some(stages(&validation.guests)), measures(&validation.guests)];
    for table in tables.into_iter().flatten() {
        text.push_str(&drawn(&table, look).0);
        text.push('\n');
    }
    text.push_str(&summary(validation, look));
    text
}

/// Returns a finding in one sentence: the defect, its place, the expected and the actual value.
pub fn sentence(guest: &str, finding: &Finding) -> String {
    let mut text = format!("{guest}: {} at {}", finding.message, finding.places());
    for (name, value) in [("wanted", &finding.wanted), ("found", &finding.found)] {
        if let Some(value) = value {
            let _ = write!(text, "; {name} {value}");
        }
    }
    let _ = write!(text, ". {}", finding.remedy);
    text
}

fn findings(guest: &Guest, look: &Look, text: &mut String) {
    for (stage, check, finding) in guest.findings() {
        let level = level(finding.severity, finding.code.id(), look.has_colours);
        let head = format!("{level} {}: {}", guest.name, finding.message);
        let _ = writeln!(text, "{}", wrapped(&head, look.width, "  "));
        let place = format!("{} ({stage}, {})", finding.places(), check.name);
        let rows = [
            ("at", Some(&place)),
            ("wanted", finding.wanted.as_ref()),
            ("found", finding.found.as_ref()),
            ("remedy", Some(&finding.remedy)),
            ("note", note_of(stage, check)),
        ];
        for (name, value) in rows {
            if let Some(value) = value {
                text.push_str(&row(name, value, look));
            }
        }
        text.push('\n');
    }
    let reasons = guest.stages.iter().filter(|stage| stage.status == Status::Error);
    let reasons = reasons.filter_map(|stage| Some((stage.stage.name(), stage.reason.as_ref()?)));
    let whole = guest.error.as_ref().map(|error| ("file", error));
    for (what, reason) in whole.into_iter().chain(reasons) {
        let level = level(Severity::Error, "", look.has_colours);
        let _ = writeln!(text, "{level} {}: could not be checked", guest.name);
        let _ = writeln!(text, "{}", row(what, reason, look));
    }
}

/// Writes a value beside its name, and what does not fit into the width beneath it.
fn row(name: &str, value: &str, look: &Look) -> String {
    let beside = format!("  {name:<7} ");
    let indent = " ".repeat(beside.len());
    let room = look.width.saturating_sub(beside.len()).max(1);
    let lines = wrapped(value, room, "");
    let lines: Vec<String> = lines.lines().flat_map(|line| pieces(line, room)).collect();
    format!("{beside}{}\n", lines.join(&format!("\n{indent}")))
}

/// Breaks what has no space to break at, such as a path.
fn pieces(line: &str, room: usize) -> Vec<String> {
    let signs: Vec<char> = line.chars().collect();
    signs.chunks(room).map(|piece| piece.iter().collect()).collect()
}

/// Returns the note of a check; `None` for capabilities, whose findings repeat it.
fn note_of(stage: Stage, check: &Check) -> Option<&String> {
    check.note.as_ref().filter(|_| stage != Stage::Capabilities)
}

fn level(severity: Severity, code: &str, colours: bool) -> String {
    let code = if code.is_empty() { String::new() } else { format!("[{code}]") };
    let label = format!("{severity}{code}");
    if !colours {
        return label;
    }
    let label = style(label).bold().force_styling(true);
    match severity {
        Severity::Error => label.red(),
        Severity::Warning => label.yellow(),
        Severity::Note => label.cyan(),
    }
    .to_string()
}

fn stages(guests: &[Guest]) -> Table {
    let columns =
        Table::of("stages", "Stages", Topic::Validation, guests)
            .text("guest", "guest", |guest| guest.name.clone());
    let stages = Stage::ALL.into_iter().enumerate();
    let all = stages.fold(columns, |columns, (index, stage)| {
        columns.cells(stage.name(), stage.name(), None, move |guest| {
            let stage = guest.stages.get(index);
            stage.map_or_else(|| Value::missing().into(), |stage| cell(stage.status))
        })
    });
    all.cells("all", "all", None, |guest| cell(guest.status)).done()
}

fn cell(status: Status) -> Cell {
    match status {
        Status::Pass => Cell::text(status.name()),
        Status::Skipped => Value::missing().into(),
        Status::Warn => Cell::text(status.name()).seen(Emphasis::Strong),
        Status::Fail | Status::Error => Cell::text(status.name()).seen(Emphasis::Bad),
    }
}

/// The measures of the table; the JSON report has all.
const SHOWN: [Measure; 8] = [
    Measure::FileSize,
    Measure::CodeSize,
    Measure::InitialMemory,
    Measure::CoreInstances,
    Measure::CompileTime,
    Measure::CompiledSize,
    Measure::SpawnP50,
    Measure::MemoryPeak,
];

/// Returns the table of measures; `None` if no guest was measured.
fn measures(guests: &[Guest]) -> Option<Table> {
    let has_metrics = |guest: &&Guest| guest.checks().any(|(_, check)| check.metric.is_some());
    let guests: Vec<&Guest> = guests.iter().filter(has_metrics).collect();
    if guests.is_empty() {
        return None;
    }
    let columns = Table::of("measures", "Measures", Topic::Validation, &guests).text(
        "guest",
        "guest",
        |guest| guest.name.clone(),
    );
    let all = SHOWN.into_iter().fold(columns, |columns, measure| {
        let form = Some(Form::Number);
        columns.cells(measure.name(), measure.name(), form, move |guest| measured(guest, measure))
    });
    Some(all.done())
}

fn measured(guest: &Guest, measure: Measure) -> Cell {
    let metrics = guest.checks().filter_map(|(_, check)| check.metric.as_ref());
    let found = metrics.into_iter().find(|metric| metric.measure == measure);
    found.map_or_else(|| Value::missing().into(), |metric| Cell::text(measure.show(metric.value)))
}

fn summary(validation: &Validation, look: &Look) -> String {
    let guests = &validation.guests;
    let count = |severity| {
        let found = guests.iter().flat_map(Guest::findings);
        found.filter(|(_, _, found)| found.severity == severity).count()
    };
    let unchecked = guests.iter().filter(|guest| guest.status == Status::Error).count();
    let mut text = format!(
        "{}: {}, {}",
        counted(guests.len(), "guest"),
        counted(count(Severity::Error), "error"),
        counted(count(Severity::Warning), "warning")
    );
    if count(Severity::Note) > 0 {
        let _ = write!(text, ", {}", counted(count(Severity::Note), "note"));
    }
    if unchecked > 0 {
        let _ = write!(text, "; {unchecked} could not be checked");
    }
    text.push('\n');
    for line in skipped(guests) {
        let _ = writeln!(text, "{}", wrapped(&format!("note: {line}"), look.width, "  "));
    }
    let found = guests.iter().flat_map(Guest::findings).map(|(_, _, finding)| finding);
    // The first of the worst.
    let worst = found.min_by_key(|finding| (Reverse(finding.severity), finding.code.id()));
    if let Some(code) = worst.map(|finding| finding.code.id()) {
        let _ = writeln!(text, "`sandlab validate --explain {code}` tells more");
    }
    text
}

/// Returns one line per reason for skipped checks. Checks that were skipped because timing was
/// turned off are left out.
fn skipped(guests: &[Guest]) -> Vec<String> {
    let is_measure = |name: &str| Measure::ALL.iter().any(|measure| measure.name() == name);
    let judged = guests.iter().filter(|guest| guest.status != Status::Fail);
    let mut lines = Vec::new();
    for guest in judged {
        let mut reasons: Vec<(&str, Vec<String>)> = Vec::new();
        for (stage, check) in guest.checks() {
            if check.status != Status::Skipped || is_measure(&check.name) {
                continue;
            }
            let why = check.note.as_deref().unwrap_or_default();
            let what = format!("`{}` ({stage})", check.name);
            match reasons.iter_mut().find(|(reason, _)| *reason == why) {
                Some((_, checks)) => checks.push(what),
                None => reasons.push((why, vec![what])),
            }
        }
        lines.extend(reasons.into_iter().map(|(why, checks)| {
            let were = if checks.len() == 1 { "was" } else { "were" };
            format!("{}: {} {were} skipped: {why}", guest.name, checks.join(", "))
        }));
    }
    lines
}
