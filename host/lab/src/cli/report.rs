//! `sandlab report`

use super::reporting::Reporting;
use super::session::{Stored, targets};
use crate::record::{RunId, Store};
use crate::report::{Past, RunReport};
use crate::{Result, experiments};
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The run: its number, `last`, or the name of a baseline.
    #[arg(value_name = "RUN", default_value = "last")]
    run: String,
    /// Compare it with this baseline.
    #[arg(long, value_name = "NAME")]
    baseline: Option<String>,
    #[command(flatten)]
    reporting: Reporting,
    /// Targets that grade the results, a TOML file.
    #[arg(long, value_name = "FILE")]
    targets: Option<PathBuf>,
    #[command(flatten)]
    stored: Stored,
}

/// Runs that a trend has at most, the reported one among them.
const TREND: usize = 20;

pub fn execute(args: &Args) -> Result<()> {
    args.reporting.require_writable()?;
    let targets = targets(args.targets.as_deref())?;
    let store = args.stored.reading()?;
    let id = store.find(&args.run)?;
    let run = store.run(id)?;
    let view = experiments::view(&run);
    let mut report = RunReport::new(Some(id), run, view, &targets);
    if let Some(name) = &args.baseline {
        let id = store.baseline(name)?;
        let baseline = store.run(id)?;
        report.compare(name, id, &baseline, &experiments::view(&baseline).metrics);
    }
    if args.reporting.is_html() {
        let earlier = earlier(&store, id, &report)?;
        report.follow(id, earlier);
    }
    args.reporting.write(&report, || store.document(id))?;
    args.reporting.say_page();
    report.outcome()
}

/// Returns the runs of the same command before this one.
fn earlier(store: &Store, id: RunId, report: &RunReport) -> Result<Vec<Past>> {
    let command = &report.run.begin.command;
    let runs = store.runs()?.into_iter();
    let earlier = runs.filter(|listed| {
        listed.id < id && listed.begin.command == *command && listed.end.is_some()
    });
    let mut earlier: Vec<RunId> = earlier.map(|listed| listed.id).collect();
    let some = earlier.split_off(earlier.len().saturating_sub(TREND - 1));
    let past = some.into_iter().map(|id| {
        let run = store.run(id)?;
        Ok(Past::of(id, &run, experiments::view(&run).metrics))
    });
    past.collect()
}
