//! `sandlab report`

use super::print;
use super::session::{Stored, targets};
use crate::Result;
use crate::record::{RunId, Store, require_writable, write_whole};
use crate::report::whole::{Format, Past, Whole};
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which run: its number, `last`, or the name of a baseline.
    #[arg(value_name = "RUN", default_value = "last")]
    run: String,
    /// Compare it with this baseline.
    #[arg(long, value_name = "NAME")]
    baseline: Option<String>,
    /// How to report.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Write the report to this file, instead of to standard output.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// What results are graded by, a TOML file.
    #[arg(long, value_name = "FILE")]
    targets: Option<PathBuf>,
    #[command(flatten)]
    stored: Stored,
}

/// Runs that a trend has at most, the reported one among them.
const TREND: usize = 20;

pub fn execute(args: &Args) -> Result<()> {
    if let Some(file) = &args.output {
        require_writable(file)?;
    }
    let targets = targets(args.targets.as_deref())?;
    let store = args.stored.existing()?;
    let run = store.find(&args.run)?;
    let mut whole = Whole::new(run, store.results(run)?, &targets);
    if let Some(name) = &args.baseline {
        let baseline = store.baseline(name)?;
        whole.compare(name, baseline, &store.results(baseline)?);
    }
    if args.format == Format::Html {
        let earlier = earlier(&store, run, &whole)?;
        whole.follow(earlier);
    }
    match &args.output {
        Some(file) => write_whole(file, whole.render(args.format, false)?.as_bytes()),
        None => print(&whole.render(args.format, console::colors_enabled())?),
    }
}

/// Runs of the same command before this one.
fn earlier(store: &Store, run: RunId, whole: &Whole) -> Result<Vec<Past>> {
    let command = &whole.results.begin.command;
    let mut earlier: Vec<RunId> = store
        .runs()?
        .into_iter()
        .filter(|listed| {
            listed.id < run && listed.begin.command == *command && listed.end.is_some()
        })
        .map(|listed| listed.id)
        .collect();
    let some = earlier.split_off(earlier.len().saturating_sub(TREND - 1));
    let past = some
        .into_iter()
        .map(|id| Ok(Past::of(id, &store.results(id)?)));
    past.collect()
}
