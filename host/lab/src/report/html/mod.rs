//! A report for a browser: one file, without scripts, that needs no network.

mod chart;
mod figures;
mod trend;

use super::page::list;
use super::table::{Style, escaped};
use super::whole::{Tone, Whole, cards, change_table, current_table, details, summary};
use super::{grades, results};
use crate::Result;
use crate::verdict::{Change, Measure, Moved, TOPICS};

/// A whole page.
///
/// # Errors
/// If a chart cannot be drawn.
pub fn page(whole: &Whole) -> Result<String> {
    let begin = &whole.results.begin;
    let title = format!("sandlab: {}, run {}", begin.command, whole.run);
    let mut body = head(whole);
    body += &glance(whole);
    body += &changed(whole);
    for (name, blocks) in details(whole, Style::Html) {
        let figures = figures_of(name, whole)?;
        let id = name.to_lowercase().replace(' ', "-");
        body += &format!("<section id=\"{id}\">\n<h2>{name}</h2>\n");
        body += &figures.concat();
        body += &blocks.concat();
        body += "</section>\n";
    }
    body += &trend::section(whole)?;
    body += &measured(whole);
    body += &conditions(whole);
    Ok(format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" href=\"data:,\">\n\
         <title>{}</title>\n<style>\n{}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n",
        escaped(&title),
        include_str!("style.css"),
    ))
}

fn head(whole: &Whole) -> String {
    let begin = &whole.results.begin;
    let environment = &begin.environment;
    let mut facts = vec![
        super::runs::seconds(&begin.started),
        format!(
            "commit {}",
            environment.commit.as_deref().unwrap_or("not known")
        ),
        format!("run {} ({})", whole.run, begin.command),
        environment
            .cpu
            .clone()
            .unwrap_or_else(|| "processor not known".to_owned()),
    ];
    facts.extend(environment.cores.map(|cores| format!("{cores} cores")));
    facts.push(format!("wasmtime {}", environment.wasmtime));
    facts.extend(
        whole
            .baseline
            .as_ref()
            .map(|compared| format!("compared with {} (run {})", compared.name, compared.run)),
    );
    format!(
        "<h1>Performance report</h1>\n<p class=facts>{}</p>\n",
        escaped(&facts.join(" · "))
    )
}

/// What somebody reads who reads nothing else.
fn glance(whole: &Whole) -> String {
    let lines = summary(whole).into_iter().map(|line| {
        let (class, sign) = match line.tone {
            Tone::Good => ("good", "✓"),
            Tone::Bad => ("bad", "✗"),
            Tone::Warning => ("warn", "!"),
            Tone::Plain => ("plain", "·"),
        };
        format!(
            "<li class={class}><b>{sign}</b> {}</li>\n",
            escaped(&line.text)
        )
    });
    let cards = cards(whole).into_iter().map(|card| {
        format!(
            "<div class=card><b>{}</b><span>{}</span></div>\n",
            escaped(&card.number),
            escaped(&card.text)
        )
    });
    format!(
        "<section id=summary>\n<h2>Summary</h2>\n<ul class=lines>\n{}</ul>\n<div class=cards>\n{}</div>\n</section>\n",
        lines.collect::<String>(),
        cards.collect::<String>()
    )
}

/// What moved, before all the rest.
fn changed(whole: &Whole) -> String {
    let Some(compared) = &whole.baseline else {
        return String::new();
    };
    let moved = |change: &&Change| matches!(change.verdict, Moved::Regressed | Moved::Improved);
    let moved: Vec<&Change> = compared.changes.iter().filter(moved).collect();
    let table = match moved.is_empty() {
        true => "<p>Nothing moved by more than its 95 % interval.</p>\n".to_owned(),
        false => change_table(&moved).draw(Style::Html),
    };
    format!(
        "<section id=changes>\n<h2>Changes against {}</h2>\n{table}</section>\n",
        escaped(&compared.name)
    )
}

fn figures_of(name: &str, whole: &Whole) -> Result<Vec<String>> {
    let results = &whole.results;
    let mut all = Vec::new();
    match name {
        "Latency" => {
            all.extend(figures::percentiles(results)?);
            all.extend(figures::timelines(results, false)?);
        }
        "Overhead" => {
            all.extend(figures::waterfalls(results)?);
            all.extend(figures::ratios(results)?);
        }
        "Memory Limits" => all.extend(figures::memory(results)?),
        "Scaling" => all.extend(figures::scaling(results)?),
        "Load" => all.extend(figures::timelines(results, true)?),
        _ => {}
    }
    Ok(all)
}

/// Every measure, folded.
fn measured(whole: &Whole) -> String {
    let all = &whole.measures;
    let tables = TOPICS.into_iter().map(|topic| {
        let table = match &whole.baseline {
            Some(compared) => {
                let of_topic = compared
                    .changes
                    .iter()
                    .filter(|change| change.current.topic == topic);
                let of_topic: Vec<&Change> = of_topic.collect();
                (!of_topic.is_empty()).then(|| change_table(&of_topic))
            }
            None => {
                let of_topic: Vec<&Measure> = all
                    .iter()
                    .filter(|measure| measure.topic == topic)
                    .collect();
                (!of_topic.is_empty()).then(|| current_table(&of_topic))
            }
        };
        table.map_or_else(String::new, |table| {
            format!("<h3>{}</h3>\n{}", topic.name(), table.draw(Style::Html))
        })
    });
    format!(
        "<section id=all>\n<details><summary>Every metric, with its interval</summary>\n{}</details>\n</section>\n",
        tables.collect::<String>()
    )
}

fn conditions(whole: &Whole) -> String {
    let results = &whole.results;
    let mut lines = results::remarks(results);
    lines.extend(results::conditions(results));
    let grades = grades::block(results, &whole.graded, Style::Html);
    format!(
        "<section id=conditions>\n<h2>Targets and conditions</h2>\n{}{}</section>\n",
        grades.unwrap_or_default(),
        list(lines, Style::Html)
    )
}
