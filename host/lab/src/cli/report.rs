//! `sandlab report`

use super::session::{Reporting, Stored, targets};
use crate::Result;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which run: its number, `last`, or the name of a baseline.
    #[arg(value_name = "RUN", default_value = "last")]
    run: String,
    /// What results are graded by, a TOML file.
    #[arg(long, value_name = "FILE")]
    targets: Option<PathBuf>,
    #[command(flatten)]
    stored: Stored,
    #[command(flatten)]
    reporting: Reporting,
}

pub fn execute(args: &Args) -> Result<()> {
    let targets = targets(args.targets.as_deref())?;
    let store = args.stored.existing()?;
    let results = store.results(store.find(&args.run)?)?;
    args.reporting.write(&results, &targets)
}
