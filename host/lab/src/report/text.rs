//! A report for a terminal.

use super::page::{conditions, findings, grades, list, notes};
use super::run_report::{RunReport, change_table};
use super::summary::summary;
use super::table::{Style, draw};

/// Writes all tables, then what they say, how good that is, and the conditions.
pub(super) fn page(report: &RunReport, style: Style) -> String {
    let RunReport { run, view, .. } = report;
    let mut blocks = Vec::new();
    for topic in view.topics() {
        let tables = view.tables.iter().filter(|table| table.topic == topic);
        blocks.extend(tables.map(|table| draw(table, style)));
        blocks.extend(findings(view, topic, style));
    }
    if let Some((table, sentences)) = grades(report) {
        if !table.rows.is_empty() {
            blocks.push(draw(&table, style));
        }
        blocks.push(list(&sentences, style));
    }
    blocks.push(list(&notes(run, view), style));
    blocks.push(list(&conditions(run, view), style));
    if let Some(compared) = &report.baseline {
        let all: Vec<_> = compared.changes.iter().collect();
        blocks.push(draw(&change_table(&all), style));
        let lines: Vec<_> = summary(report).into_iter().map(|line| line.text).collect();
        blocks.push(list(&lines, style));
    }
    blocks.retain(|block| !block.is_empty());
    blocks.join("\n")
}
