//! `sandlab metrics`

use super::print;
use crate::Result;
use crate::experiments::{catalogue, standard_targets};
use crate::metrics::{Direction, Topic};
use crate::report::{Style, draw};
use crate::view::Table;

/// What is printed of the catalogue.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print the standard targets instead: the file to change and pass as `--targets`.
    #[arg(long)]
    targets: bool,
    /// Print a table for a page.
    #[arg(long, conflicts_with = "targets")]
    markdown: bool,
}

pub fn execute(args: &Args) -> Result<()> {
    if args.targets {
        return print(&standard_targets());
    }
    let style = match args.markdown {
        true => Style::Markdown,
        false => Style::Plain,
    };
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
    // A line per metric, whatever its width: it is searched more often than read.
    print(&draw(&table, style))
}
