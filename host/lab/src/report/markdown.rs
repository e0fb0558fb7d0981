//! A report for a comment on a pull request.

use super::answers;
use super::page::{MOST_GRADES, conditions, findings, grades, list, note_lines, notes};
use super::run_report::{RunReport, change_table, metric_table};
use super::summary::{Tone, summary};
use super::table::{Style, draw};
use crate::metrics::{Metric, Topic};
use crate::printable::printable;
use crate::verdict::{Change, Verdict};
use crate::view::Table;

/// The longest comment that GitHub accepts, characters.
const MOST: usize = 65_536;

/// Characters reserved for the lines that say what was left out.
const SPARE: usize = 1_500;

/// The most rows of a table that is not folded.
const ROWS: usize = 24;

pub(super) fn page(report: &RunReport) -> String {
    let mut page = head(report);
    page += "## Summary\n\n";
    let lines = summary(report);
    for line in &lines {
        let sign = match line.tone {
            Tone::Good => "✅ ",
            Tone::Bad => "❌ ",
            Tone::Warning => "⚠️ ",
            Tone::Plain => "",
        };
        page += &format!("- {sign}{}\n", printable(&line.text));
    }
    page += if lines.is_empty() { "" } else { "\n" };
    page += &answered(report);
    page += "\n## Detailed Results\n";
    let mut sections = topics(report);
    sections.extend(folded_details(report));
    let mut left_out = Vec::new();
    for (name, section) in sections {
        match page.chars().count() + section.chars().count() + SPARE <= MOST {
            true => page += &section,
            false => left_out.push(name),
        }
    }
    if !left_out.is_empty() {
        page += &format!(
            "\nToo long for a comment, and left out: {}. `{}--format html` has all.\n",
            left_out.join(", "),
            report.id.map_or_else(String::new, |id| format!("sandlab report {id} "))
        );
    }
    page
}

/// Returns a table of the run's answers.
fn answered(report: &RunReport) -> String {
    let answers = answers::chosen(report, usize::MAX);
    let table = Table::of("answers", "Answers", Topic::Overhead, &answers)
        .text("question", "question", |answer| answers::question(answer))
        .text("figure", "figure", |answer| answers::figure(answer))
        .text("remark", "remark", |answer| answers::remark(answer, report))
        .done();
    match table.rows.is_empty() {
        true => String::new(),
        false => draw(&table, Style::Markdown),
    }
}

fn head(report: &RunReport) -> String {
    let begin = &report.run.begin;
    let environment = &begin.environment;
    let date = printable(begin.started.split('T').next().unwrap_or_default());
    let commit = printable(environment.commit.as_deref().unwrap_or("not known"));
    let baseline = report
        .baseline
        .as_ref()
        .map(|compared| format!("Baseline: {} (run {})  \n", compared.name, compared.run));
    format!(
        "# Performance Benchmark Report\n\nDate: {date}  \nCommit: {commit}  \nEnvironment: {}, {}, \
         Linux {}, wasmtime {}  \nRun: {}  \n{}\n",
        printable(environment.cpu.as_deref().unwrap_or("processor not known")),
        environment.cores_and_limits(),
        printable(&environment.kernel),
        printable(&environment.wasmtime),
        printable(&match report.id {
            Some(id) => format!("{id} ({})", begin.command),
            None => format!("{}, not kept", begin.command),
        }),
        baseline.unwrap_or_default(),
    )
}

/// Returns a table per topic; those of the first three stand open, as far as they are short.
fn topics(report: &RunReport) -> Vec<(String, String)> {
    let tables = Topic::ALL.into_iter().filter_map(|topic| {
        let is_open = matches!(topic, Topic::Throughput | Topic::Latency | Topic::Resources);
        let (table, told) = match &report.baseline {
            Some(compared) => {
                let changes = compared.changes.iter();
                let mut changes: Vec<&Change> =
                    changes.filter(|change| change.metric.quantity.topic == topic).collect();
                // What changed stands first.
                changes.sort_by_key(|change| match change.verdict {
                    Some(Verdict::Regressed) => 0,
                    Some(Verdict::Improved) => 1,
                    _ => 2,
                });
                let count = changes.len();
                let found = changes.iter().filter(|change| change.is_found()).count();
                (change_table(&changes), format!("{count} metrics, {found} changed"))
            }
            None => {
                let metrics = report.view.metrics.iter();
                let metrics: Vec<&Metric> =
                    metrics.filter(|metric| metric.quantity.topic == topic).collect();
                (metric_table(&metrics), format!("{} metrics", metrics.len()))
            }
        };
        let count = table.rows.len();
        if count == 0 {
            return None;
        }
        let mut text = draw(&table, Style::Markdown);
        if !is_open || count > ROWS {
            text = folded(&told, &text);
        }
        let name = topic.name();
        Some((name.to_owned(), format!("\n### {name}\n\n{text}")))
    });
    tables.collect()
}

fn folded(told: &str, text: &str) -> String {
    format!("<details><summary>{told}</summary>\n\n{text}\n</details>\n")
}

fn folded_details(report: &RunReport) -> Vec<(String, String)> {
    let style = Style::Markdown;
    let RunReport { run, view, .. } = report;
    let topics = view.topics().map(|topic| {
        let tables = view.tables.iter().filter(|table| table.topic == topic);
        let tables: Vec<_> = tables.map(|table| draw(&table.pivoted().folded(), style)).collect();
        let text = tables.join("\n") + "\n" + &findings(view, topic, style, usize::MAX).join("\n");
        (format!("tables: {}", topic.name()), text)
    });
    let mut all: Vec<_> = topics.collect();
    all.extend(grades(report, MOST_GRADES).map(|(table, sentences)| {
        let table = match table.rows.is_empty() {
            true => String::new(),
            false => draw(&table, style) + "\n",
        };
        let text = table + &list(&sentences, style);
        ("targets".to_owned(), text)
    }));
    let mut lines = note_lines(&notes(run, view), false);
    lines.extend(conditions(run, view));
    all.push(("conditions".to_owned(), list(&lines, style)));
    let sections = all.into_iter().map(|(name, text)| {
        let section = "\n".to_owned() + &folded(&name, &text);
        (name, section)
    });
    sections.collect()
}
