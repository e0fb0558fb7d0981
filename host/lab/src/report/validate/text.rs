//! Findings one below the other, and then a table of all guests.

use crate::report::table::{Align, Cell, Style, Table};
use crate::validate::{Check, Finding, Guest, Measure, Severity, Stage, Status, Validation};
use console::style;
use std::fmt::Write;

/// For a person.
pub fn render(validation: &Validation, colours: bool) -> String {
    let mut text = String::new();
    for guest in &validation.guests {
        findings(guest, colours, &mut text);
    }
    let style = if colours { Style::Colour } else { Style::Plain };
    text.push_str(&stages(&validation.guests).draw(style));
    text.push('\n');
    if let Some(measures) = measures(&validation.guests) {
        text.push_str(&measures.draw(style));
        text.push('\n');
    }
    text.push_str(&summary(validation));
    text
}

/// A finding in one sentence: what, where, wanted, found.
pub fn sentence(guest: &str, finding: &Finding) -> String {
    let mut text = format!("{guest}: {} at {}", finding.message, finding.place);
    for (name, value) in [("wanted", &finding.wanted), ("found", &finding.found)] {
        if let Some(value) = value {
            let _ = write!(text, "; {name} {value}");
        }
    }
    let _ = write!(text, ". {}", finding.remedy);
    text
}

fn findings(guest: &Guest, colours: bool, text: &mut String) {
    for (stage, check, finding) in guest.findings() {
        let level = level(finding.severity, finding.code.id(), colours);
        let _ = writeln!(text, "{level} {}: {}", guest.name, finding.message);
        let place = format!("{} ({stage}, {})", finding.place, check.name);
        let rows = [
            ("at", Some(&place)),
            ("wanted", finding.wanted.as_ref()),
            ("found", finding.found.as_ref()),
            ("remedy", Some(&finding.remedy)),
            ("note", note_of(stage, check)),
        ];
        for (name, value) in rows {
            if let Some(value) = value {
                let _ = writeln!(text, "  {name:<7} {value}");
            }
        }
        text.push('\n');
    }
    let reasons = guest
        .stages
        .iter()
        .filter(|stage| stage.status == Status::Error);
    let reasons = reasons.filter_map(|stage| Some((stage.stage.name(), stage.reason.as_ref()?)));
    let whole = guest.error.as_ref().map(|error| ("file", error));
    for (what, reason) in whole.into_iter().chain(reasons) {
        let level = level(Severity::Error, "", colours);
        let _ = writeln!(text, "{level} {}: could not be checked", guest.name);
        let _ = writeln!(text, "  {what:<7} {reason}\n");
    }
}

/// What a capability lets a guest do is told with each of its findings already.
fn note_of(stage: Stage, check: &Check) -> Option<&String> {
    check.note.as_ref().filter(|_| stage != Stage::Capabilities)
}

fn level(severity: Severity, code: &str, colours: bool) -> String {
    let code = if code.is_empty() {
        String::new()
    } else {
        format!("[{code}]")
    };
    let label = format!("{severity}{code}");
    if !colours {
        return label;
    }
    let label = style(label).bold().force_styling(true);
    match severity {
        Severity::Error => label.red(),
        Severity::Warning => label.yellow(),
    }
    .to_string()
}

fn stages(guests: &[Guest]) -> Table {
    let mut columns = [("guest", Align::Left); 12];
    for (column, stage) in columns[1..].iter_mut().zip(Stage::ALL) {
        column.0 = stage.name();
    }
    columns[11].0 = "all";
    let mut table = Table::new(columns);
    for guest in guests {
        let cells = std::array::from_fn(|column| match column {
            0 => Cell::plain(&guest.name),
            11 => cell(guest.status),
            _ => {
                let stage = guest.stages.get(column - 1);
                stage.map_or_else(|| Cell::dim("-"), |stage| cell(stage.status))
            }
        });
        table.add::<12>(cells);
    }
    table
}

fn cell(status: Status) -> Cell {
    match status {
        Status::Pass => Cell::plain(status.name()),
        Status::Skipped => Cell::dim("-"),
        Status::Warn | Status::Fail | Status::Error => Cell::strong(status.name()),
    }
}

/// What a reader compares guests by; the JSON report has all.
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

/// None if nothing got so far that it could be measured.
fn measures(guests: &[Guest]) -> Option<Table> {
    let mut columns = [("guest", Align::Right); SHOWN.len() + 1];
    columns[0].1 = Align::Left;
    for (column, measure) in columns[1..].iter_mut().zip(SHOWN) {
        column.0 = measure.name();
    }
    let mut table = Table::new(columns);
    let has_metrics = |guest: &&Guest| guest.checks().any(|(_, check)| check.metric.is_some());
    let mut is_empty = true;
    for guest in guests.iter().filter(has_metrics) {
        is_empty = false;
        let cells = std::array::from_fn(|column| match column {
            0 => Cell::plain(&guest.name),
            _ => measured(guest, SHOWN[column - 1]),
        });
        table.add::<{ SHOWN.len() + 1 }>(cells);
    }
    (!is_empty).then_some(table)
}

fn measured(guest: &Guest, measure: Measure) -> Cell {
    let metrics = guest
        .checks()
        .filter_map(|(_, check)| check.metric.as_ref());
    let found = metrics.into_iter().find(|metric| metric.measure == measure);
    found.map_or_else(
        || Cell::dim("-"),
        |metric| Cell::plain(measure.show(metric.value)),
    )
}

/// `1 guest`, `2 guests`
fn counted(number: usize, what: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {what}{ending}")
}

fn summary(validation: &Validation) -> String {
    let guests = &validation.guests;
    let count = |severity| {
        let found = guests.iter().flat_map(Guest::findings);
        found
            .filter(|(_, _, found)| found.severity == severity)
            .count()
    };
    let unchecked = guests
        .iter()
        .filter(|guest| guest.status == Status::Error)
        .count();
    let mut text = format!(
        "{}: {}, {}",
        counted(guests.len(), "guest"),
        counted(count(Severity::Error), "error"),
        counted(count(Severity::Warning), "warning")
    );
    if unchecked > 0 {
        let _ = write!(text, "; {unchecked} could not be checked");
    }
    text.push('\n');
    for line in skipped(guests) {
        let _ = writeln!(text, "note: {line}");
    }
    let codes: std::collections::BTreeSet<_> = guests
        .iter()
        .flat_map(Guest::findings)
        .map(|(_, _, finding)| finding.code.id())
        .collect();
    if let Some(code) = codes.first() {
        let _ = writeln!(text, "`sandlab validate --explain {code}` tells more");
    }
    text
}

/// What was not looked at, and why. That nothing was timed is known to who asked for that.
fn skipped(guests: &[Guest]) -> Vec<String> {
    let is_measure = |name: &str| Measure::ALL.iter().any(|measure| measure.name() == name);
    let judged = guests.iter().filter(|guest| guest.status != Status::Fail);
    let checks = judged.flat_map(|guest| guest.checks().map(move |(_, check)| (guest, check)));
    let skipped =
        checks.filter(|(_, check)| check.status == Status::Skipped && !is_measure(&check.name));
    let lines = skipped.map(|(guest, check)| {
        let why = check.note.as_deref().unwrap_or_default();
        format!("{}: `{}` was skipped: {why}", guest.name, check.name)
    });
    lines.collect()
}
