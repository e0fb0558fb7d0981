//! `sandlab show`

use super::session::{Reporting, targets};
use crate::Result;
use crate::results::Results;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The journal of a run, whole or cut off where the run was killed.
    #[arg(value_name = "FILE")]
    journal: PathBuf,
    /// What results are graded by, a TOML file.
    #[arg(long, value_name = "FILE")]
    targets: Option<PathBuf>,
    #[command(flatten)]
    reporting: Reporting,
}

pub fn execute(args: &Args) -> Result<()> {
    let targets = targets(args.targets.as_deref())?;
    args.reporting
        .write(&Results::read(&args.journal)?, &targets)
}
