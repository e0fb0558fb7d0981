//! A report for a terminal: tables and what they say, and at the end the answers.

use super::answers;
use super::fit::drawn;
use super::look::{Detail, Look};
use super::page::{MOST_GRADES, builds, findings, grades, list_within, machine, note_lines, notes};
use super::run_report::{RunReport, change_table};
use super::summary::not_alike;
use crate::verdict::Change;

/// Tables of more lines than these together are left to the page and to `--verbose`: nobody finds
/// anything in them on a terminal.
const MOST_LINES: usize = 120;

/// Writes as much as is wanted; the answers stand last, where a reader of a terminal looks.
pub(super) fn page(report: &RunReport, look: &Look) -> String {
    let mut blocks = match look.detail {
        Detail::Quiet => Vec::new(),
        Detail::Usual | Detail::Verbose => details(report, look),
    };
    blocks.push(answers::text(report, look));
    blocks.retain(|block| !block.is_empty());
    blocks.join("\n")
}

fn details(report: &RunReport, look: &Look) -> Vec<String> {
    let RunReport { run, view, .. } = report;
    let is_verbose = look.detail == Detail::Verbose;
    let (mut blocks, mut left_out) = (Vec::new(), 0);
    for topic in view.topics() {
        for table in view.tables.iter().filter(|table| table.topic == topic) {
            let (text, columns) = drawn(table, look);
            blocks.push(text);
            left_out += columns;
        }
        blocks.extend(findings(view, topic, look.style(), look.width));
    }
    let lines: usize = blocks.iter().map(|block| block.lines().count()).sum();
    let mut remarks = note_lines(&notes(run, view), is_verbose);
    if lines > MOST_LINES && !is_verbose {
        blocks.clear();
        remarks.push(format!(
            "{} tables of {lines} lines: `{}--verbose` prints them, `--html FILE` makes a page of \
             them",
            view.tables.len(),
            report.id.map_or_else(String::new, |id| format!("sandlab report {id} "))
        ));
    } else if left_out > 0 {
        remarks.push(match left_out {
            1 => "1 column is left out: --wide prints it".to_owned(),
            _ => format!("{left_out} columns are left out: --wide prints them"),
        });
    }
    let most = if is_verbose { MOST_GRADES } else { 0 };
    if let Some((table, sentences)) = grades(report, most) {
        if !table.rows.is_empty() {
            blocks.push(drawn(&table, look).0);
        }
        if is_verbose {
            blocks.push(list_within(&sentences, look.width));
        }
    }
    blocks.extend(report.baseline.as_ref().map(|compared| {
        let changes = compared.changes.iter();
        let shown: Vec<&Change> = changes.filter(|it| is_verbose || it.is_found()).collect();
        match shown.is_empty() {
            true => String::new(),
            false => drawn(&change_table(&shown), look).0,
        }
    }));
    remarks.extend(report.baseline.as_ref().and_then(not_alike));
    blocks.push(list_within(&remarks, look.width));
    let mut conditions = view.conditions.clone();
    conditions.push(machine(&run.begin.environment));
    if is_verbose {
        conditions.extend(builds(&run.begin.agents));
    }
    blocks.push(list_within(&conditions, look.width));
    blocks
}
