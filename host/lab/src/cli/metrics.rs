//! `sandlab metrics`

use super::{print, streams};
use crate::Result;
use crate::experiments::{catalogue, standard_targets};
use crate::metrics::{Direction, Topic};
use crate::report::{Style, draw, draw_within};
use crate::view::Table;
use sandlab_serve::metrics::CATALOGUE;

/// The form in which the catalogue of metrics is printed.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print the standard targets instead: the file to change and pass as `--targets`.
    #[arg(long)]
    targets: bool,
    /// Print a table for a page.
    #[arg(long, conflicts_with = "targets")]
    markdown: bool,
    /// Print a line per metric, however wide the terminal is.
    #[arg(long, conflicts_with_all = ["targets", "markdown"])]
    wide: bool,
}

pub fn execute(args: &Args) -> Result<()> {
    if args.targets {
        return print(&standard_targets());
    }
    let mut quantities = catalogue();
    quantities.sort_by_key(|quantity| (quantity.topic, quantity.key));
    let table = Table::of("metrics", "Metrics", Topic::Overhead, &quantities)
        .text("metric", "metric", |quantity| quantity.key)
        .text("title", "in tables", |quantity| quantity.title)
        .text("unit", "unit", |quantity| quantity.unit.name())
        .text("better", "better", |quantity| match quantity.better {
            Direction::Lower => "lower",
            Direction::Higher => "higher",
        })
        .text("section", "section", |quantity| quantity.topic.name())
        .text("meaning", "meaning", |quantity| quantity.meaning.trim())
        .done();
    print(&match (args.markdown, args.wide) {
        (true, _) => draw(&table, Style::Markdown) + &in_production(),
        (_, true) => draw(&table, Style::Plain),
        _ => draw_within(&table, Style::Plain, streams::width()),
    })
}

/// Returns the part of the page about the metrics of `serve`.
fn in_production() -> String {
    let table = Table::of("production", "In production", Topic::Overhead, CATALOGUE)
        .text("metric", "metric", |metric| metric.sample_name())
        .text("type", "type", |metric| metric.kind.name())
        .text("labels", "labels", |metric| metric.labels.join(", "))
        .text("meaning", "meaning", |metric| metric.help)
        .done();
    format!(
        "\n## In production\n\nWhat [`sandlab serve`](serve.md) exports at `/metrics`, in \
         OpenMetrics and in Prometheus's\nown text format. `agent` is a name of the configuration, \
         so that no label is unbounded.\n\n{}",
        draw(&table, Style::Markdown)
    )
}
