//! A report for a browser: one file that needs no network, and can be read without its script.

mod flame;
mod glance;
mod svg;
mod trend;

use super::page::{MOST_GRADES, conditions, findings, grades, list, note_lines, notes};
use super::run_report::{RunReport, change_table, metric_table};
use super::table::{Style, draw, escaped};
use crate::Result;
use crate::metrics::{Metric, Topic};
use crate::verdict::Change;

/// A report page.
///
/// # Errors
/// If a chart cannot be drawn.
pub(super) fn page(report: &RunReport) -> Result<String> {
    let title = format!("sandlab: {}", report.title());
    let mut sections = vec![("changes", "Changes", changed(report))];
    let topics: Vec<(String, Topic)> =
        report.view.topics().map(|topic| (id(topic), topic)).collect();
    for (id, topic) in &topics {
        sections.push((id, topic.name(), section(report, *topic)?));
    }
    sections.push(("trend", "Trend", trend::section(report)?));
    sections.push(("all", "Every metric", measured(report)));
    sections.push(("conditions", "Targets and conditions", footer(report)));
    sections.retain(|(.., text)| !text.is_empty());
    let links = sections.iter().map(|(id, name, _)| ((*id).to_owned(), (*name).to_owned()));
    let links: Vec<_> = links.collect();
    let mut body = head(report) + &contents(&links) + &glance::glance(report);
    body.extend(sections.iter().map(|(.., text)| text.as_str()));
    Ok(format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" href=\"data:,\">\n\
         <title>{}</title>\n<style>\n{}</style>\n</head>\n<body>\n<main>\n{body}</main>\n\
         <script>\n{}</script>\n</body>\n</html>\n",
        escaped(&title),
        include_str!("style.css"),
        include_str!("script.js"),
    ))
}

fn head(report: &RunReport) -> String {
    let begin = &report.run.begin;
    let environment = &begin.environment;
    let mut facts = vec![
        super::runs::seconds(&begin.started),
        format!("commit {}", environment.commit.as_deref().unwrap_or("not known")),
        match report.id {
            Some(id) => format!("run {id} ({})", begin.command),
            None => begin.command.clone(),
        },
        environment.cpu.clone().unwrap_or_else(|| "processor not known".to_owned()),
    ];
    facts.push(environment.cores_and_limits());
    facts.push(format!("wasmtime {}", environment.wasmtime));
    facts.extend(
        report
            .baseline
            .as_ref()
            .map(|compared| format!("compared with {} (run {})", compared.name, compared.run)),
    );
    format!("<h1>Performance report</h1>\n<p class=facts>{}</p>\n", escaped(&facts.join(" · ")))
}

/// Writes links to all sections.
fn contents(sections: &[(String, String)]) -> String {
    let links = sections.iter().map(|(id, name)| format!("<a href=\"#{id}\">{name}</a>\n"));
    format!("<nav aria-label=contents>\n{}</nav>\n", links.collect::<String>())
}

/// Returns the section of changes against the baseline; empty without a baseline.
fn changed(report: &RunReport) -> String {
    let Some(compared) = &report.baseline else {
        return String::new();
    };
    let found: Vec<&Change> = compared.changes.iter().filter(|change| change.is_found()).collect();
    let table = match found.is_empty() {
        true => "<p>Nothing changed by more than is allowed.</p>\n".to_owned(),
        false => draw(&change_table(&found), Style::Html),
    };
    format!(
        "<section id=changes>\n<h2>Changes against {}</h2>\n{table}</section>\n",
        escaped(&compared.name)
    )
}

/// Returns the anchor of a topic's section.
fn id(topic: Topic) -> String {
    topic.name().to_lowercase().replace(' ', "-")
}

/// Charts of a section that stand one below the other; more are small and side by side.
const LARGE: usize = 2;

/// The pictures, tables and sentences of a topic.
fn section(report: &RunReport, topic: Topic) -> Result<String> {
    let view = &report.view;
    let name = topic.name();
    let mut text = format!("<section id=\"{}\">\n<h2>{name}</h2>\n", id(topic));
    let charts = view.charts.iter().filter(|chart| chart.topic == topic);
    let figures: Vec<String> = charts.map(svg::figure).collect::<Result<_>>()?;
    text += &match figures.len() {
        ..=LARGE => figures.concat(),
        _ => format!("<div class=small>\n{}</div>\n", figures.concat()),
    };
    for graph in view.flamegraphs.iter().filter(|graph| graph.topic == topic) {
        text += &flame::figure(graph)?;
    }
    for table in view.tables.iter().filter(|table| table.topic == topic) {
        text += &draw(&table.pivoted().folded(), Style::Html);
    }
    text += &findings(view, topic, Style::Html, usize::MAX).concat();
    Ok(text + "</section>\n")
}

/// Every metric, folded.
fn measured(report: &RunReport) -> String {
    let tables = Topic::ALL.into_iter().map(|topic| {
        let table = match &report.baseline {
            Some(compared) => {
                let changes = compared.changes.iter();
                let of_topic = changes.filter(|change| change.metric.quantity.topic == topic);
                change_table(&of_topic.collect::<Vec<&Change>>())
            }
            None => {
                let metrics = report.view.metrics.iter();
                let of_topic = metrics.filter(|metric| metric.quantity.topic == topic);
                metric_table(&of_topic.collect::<Vec<&Metric>>())
            }
        };
        match table.rows.is_empty() {
            true => String::new(),
            false => format!("<h3>{}</h3>\n{}", topic.name(), draw(&table, Style::Html)),
        }
    });
    format!(
        "<section id=all>\n<h2>Every metric</h2>\n<details><summary>Every metric, with its interval</summary>\n{}</details>\n</section>\n",
        tables.collect::<String>()
    )
}

fn footer(report: &RunReport) -> String {
    let notes = notes(&report.run, &report.view);
    let mut lines = note_lines(&notes, false);
    lines.extend(conditions(&report.run, &report.view));
    let details: Vec<String> = notes.iter().flat_map(|note| note.details.clone()).collect();
    let details = match details.is_empty() {
        true => String::new(),
        false => format!(
            "<details><summary>What the notes sum up</summary>\n{}</details>\n",
            list(&details, Style::Html)
        ),
    };
    let grades = grades(report, MOST_GRADES).map(|(table, sentences)| {
        let table = match table.rows.is_empty() {
            true => String::new(),
            false => draw(&table, Style::Html),
        };
        table + &list(&sentences, Style::Html)
    });
    format!(
        "<section id=conditions>\n<h2>Targets and conditions</h2>\n{}{}{details}</section>\n",
        grades.unwrap_or_default(),
        list(&lines, Style::Html)
    )
}
