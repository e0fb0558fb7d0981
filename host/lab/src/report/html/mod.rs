//! A report for a browser: one file, without scripts, that needs no network.

mod svg;
mod trend;

use super::answers;
use super::page::{MOST_GRADES, conditions, findings, grades, list, note_lines, notes};
use super::run_report::{RunReport, change_table, metric_table};
use super::summary::{Tone, summary};
use super::table::{Style, draw, escaped};
use crate::Result;
use crate::metrics::{Metric, Topic};
use crate::verdict::Change;
use crate::view::Answer;

/// A report page.
///
/// # Errors
/// If a chart cannot be drawn.
pub(super) fn page(report: &RunReport) -> Result<String> {
    let begin = &report.run.begin;
    let title = format!("sandlab: {}, run {}", begin.command, report.id);
    let mut body = head(report);
    body += &glance(report);
    body += &changed(report);
    for topic in report.view.topics() {
        body += &section(report, topic)?;
    }
    body += &trend::section(report)?;
    body += &measured(report);
    body += &footer(report);
    Ok(format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" href=\"data:,\">\n\
         <title>{}</title>\n<style>\n{}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n",
        escaped(&title),
        include_str!("style.css"),
    ))
}

fn head(report: &RunReport) -> String {
    let begin = &report.run.begin;
    let environment = &begin.environment;
    let mut facts = vec![
        super::runs::seconds(&begin.started),
        format!("commit {}", environment.commit.as_deref().unwrap_or("not known")),
        format!("run {} ({})", report.id, begin.command),
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

/// What somebody reads who reads nothing else.
fn glance(report: &RunReport) -> String {
    let lines = summary(report).into_iter().map(|line| {
        let sign = match line.tone {
            Tone::Good => "✓",
            Tone::Bad => "✗",
            Tone::Warning => "!",
            Tone::Plain => "·",
        };
        let class = class(line.tone);
        format!("<li class={class}><b>{sign}</b> {}</li>\n", escaped(&line.text))
    });
    let cards = answers::chosen(report, usize::MAX).into_iter().map(|answer| card(answer, report));
    format!(
        "<section id=summary>\n<h2>Summary</h2>\n<ul class=lines>\n{}</ul>\n<div class=cards>\n{}</div>\n</section>\n",
        lines.collect::<String>(),
        cards.collect::<String>()
    )
}

fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "good",
        Tone::Bad => "bad",
        Tone::Warning => "warn",
        Tone::Plain => "plain",
    }
}

/// Returns a question with its answer, in the colour of its grade.
fn card(answer: &Answer, report: &RunReport) -> String {
    let class = class(answers::tone(answer, report));
    let figure = match &answer.withheld {
        Some(_) => "<b>not judged</b>".to_owned(),
        None => {
            let range =
                answer.range.as_ref().map(|range| format!(" <small>{}</small>", escaped(range)));
            format!("<b>{}{}</b>", escaped(&answer.figure), range.unwrap_or_default())
        }
    };
    let remark = match &answer.withheld {
        Some(why) => format!("because {why}"),
        None => answers::remark(answer, report),
    };
    let look = answer.look.as_ref().map(|command| format!("<code>{}</code>", escaped(command)));
    format!(
        "<div class=\"card {class}\"><h3>{}</h3>{figure}<span>{}</span>{}</div>\n",
        escaped(&answer.question),
        escaped(&remark),
        look.unwrap_or_default()
    )
}

/// What changed, before all the rest.
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

/// The charts, tables and sentences of a topic.
fn section(report: &RunReport, topic: Topic) -> Result<String> {
    let view = &report.view;
    let name = topic.name();
    let id = name.to_lowercase().replace(' ', "-");
    let mut text = format!("<section id=\"{id}\">\n<h2>{name}</h2>\n");
    for chart in view.charts.iter().filter(|chart| chart.topic == topic) {
        text += &svg::figure(chart)?;
    }
    for table in view.tables.iter().filter(|table| table.topic == topic) {
        text += &draw(&table.pivoted(), Style::Html);
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
        "<section id=all>\n<details><summary>Every metric, with its interval</summary>\n{}</details>\n</section>\n",
        tables.collect::<String>()
    )
}

fn footer(report: &RunReport) -> String {
    let mut lines = note_lines(&notes(&report.run, &report.view), false);
    lines.extend(conditions(&report.run, &report.view));
    let grades = grades(report, MOST_GRADES).map(|(table, sentences)| {
        let table = match table.rows.is_empty() {
            true => String::new(),
            false => draw(&table, Style::Html),
        };
        table + &list(&sentences, Style::Html)
    });
    format!(
        "<section id=conditions>\n<h2>Targets and conditions</h2>\n{}{}</section>\n",
        grades.unwrap_or_default(),
        list(&lines, Style::Html)
    )
}
