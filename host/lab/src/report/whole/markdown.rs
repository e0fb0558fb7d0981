//! A report for a comment on a pull request.

use super::{Tone, Whole, change_table, current_table, details, summary};
use crate::report::page::list;
use crate::report::table::Style;
use crate::report::{grades, results};
use crate::verdict::{Change, Measure, Moved, TOPICS, Topic};

/// What GitHub takes in a comment, characters.
const MOST: usize = 65_536;

/// What is kept for the lines that say what was left out.
const SPARE: usize = 1_500;

/// Rows of a table that are not folded.
const ROWS: usize = 24;

pub fn page(whole: &Whole) -> String {
    let mut page = head(whole);
    page += "## Summary\n\n";
    for line in summary(whole) {
        let sign = match line.tone {
            Tone::Good => "✅ ",
            Tone::Bad => "❌ ",
            Tone::Warning => "⚠️ ",
            Tone::Plain => "",
        };
        page += &format!("- {sign}{}\n", line.text);
    }
    page += "\n## Detailed Results\n";
    let mut sections = topics(whole);
    sections.extend(folded_details(whole));
    let mut left_out = Vec::new();
    for (name, section) in sections {
        match page.chars().count() + section.chars().count() + SPARE <= MOST {
            true => page += &section,
            false => left_out.push(name),
        }
    }
    if !left_out.is_empty() {
        page += &format!(
            "\nToo long for a comment, and left out: {}. `sandlab report {} --format html` has all.\n",
            left_out.join(", "),
            whole.run
        );
    }
    page
}

fn head(whole: &Whole) -> String {
    let begin = &whole.results.begin;
    let environment = &begin.environment;
    let date = begin.started.split('T').next().unwrap_or_default();
    let commit = environment.commit.as_deref().unwrap_or("not known");
    let baseline = whole
        .baseline
        .as_ref()
        .map(|compared| format!("Baseline: {} (run {})  \n", compared.name, compared.run));
    format!(
        "# Performance Benchmark Report\n\nDate: {date}  \nCommit: {commit}  \nEnvironment: {}, {} cores, \
         Linux {}, wasmtime {}  \nRun: {} ({})  \n{}\n",
        environment.cpu.as_deref().unwrap_or("processor not known"),
        environment
            .cores
            .map_or_else(|| "?".to_owned(), |cores| cores.to_string()),
        environment.kernel,
        environment.wasmtime,
        whole.run,
        begin.command,
        baseline.unwrap_or_default(),
    )
}

/// A table a topic; those of the first three stand open, as far as they are short.
fn topics(whole: &Whole) -> Vec<(String, String)> {
    let all = &whole.measures;
    let tables = TOPICS.into_iter().filter_map(|topic| {
        let is_open = matches!(topic, Topic::Throughput | Topic::Latency | Topic::Resources);
        let (mut table, count, told) = match &whole.baseline {
            Some(compared) => {
                let changes = compared
                    .changes
                    .iter()
                    .filter(|change| change.current.topic == topic);
                let mut changes: Vec<&Change> = changes.collect();
                // What moved stands first.
                changes.sort_by_key(|change| match change.verdict {
                    Moved::Regressed => 0,
                    Moved::Improved => 1,
                    Moved::NotShown | Moved::NotJudged => 2,
                });
                let count = changes.len();
                let moved = changes
                    .iter()
                    .filter(|change| matches!(change.verdict, Moved::Regressed | Moved::Improved));
                let told = format!("{count} metrics, {} changed", moved.count());
                (change_table(&changes).draw(Style::Markdown), count, told)
            }
            None => {
                let measures: Vec<&Measure> = all
                    .iter()
                    .filter(|measure| measure.topic == topic)
                    .collect();
                let count = measures.len();
                (
                    current_table(&measures).draw(Style::Markdown),
                    count,
                    format!("{count} metrics"),
                )
            }
        };
        if count == 0 {
            return None;
        }
        if !is_open || count > ROWS {
            table = folded(&told, &table);
        }
        let name = topic.name();
        Some((name.to_owned(), format!("\n### {name}\n\n{table}")))
    });
    tables.collect()
}

fn folded(told: &str, text: &str) -> String {
    format!("<details><summary>{told}</summary>\n\n{text}\n</details>\n")
}

fn folded_details(whole: &Whole) -> Vec<(String, String)> {
    let style = Style::Markdown;
    let results = &whole.results;
    let mut all: Vec<_> = details(whole, style)
        .into_iter()
        .map(|(name, blocks)| (format!("tables: {name}"), blocks.join("\n")))
        .collect();
    all.extend(
        grades::block(results, &whole.graded, style).map(|block| ("targets".to_owned(), block)),
    );
    let mut conditions = results::remarks(results);
    conditions.extend(results::conditions(results));
    all.push(("conditions".to_owned(), list(conditions, style)));
    let all = all.into_iter();
    all.map(|(name, text)| {
        let section = "\n".to_owned() + &folded(&name, &text);
        (name, section)
    })
    .collect()
}
