//! `sandlab run`

use super::measuring::Measuring;
use super::{print, progress, publish};
use crate::report::Format;
use crate::results::{self, Run};
use crate::suite::Suite;
use crate::{Error, Result};
use clap::ValueEnum;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which suite.
    #[arg(value_enum)]
    suite: Name,
    #[command(flatten)]
    measuring: Measuring,
    /// Where runs are kept.
    #[arg(long, value_name = "DIR", default_value = "runs")]
    runs: PathBuf,
}

/// What to run.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Name {
    /// Every built agent, every size, on every backend, and the ladder of `echo`: under
    /// two minutes on two cores.
    Quick,
}

pub fn execute(args: &Args) -> Result<()> {
    std::fs::create_dir_all(&args.runs).map_err(Error::file("make the folder", &args.runs))?;
    results::require_writable(&file(&args.runs, "started"))?;
    let measuring = &args.measuring;
    let suite = match args.suite {
        Name::Quick => Suite::quick(
            &measuring.backends(),
            measuring.settings(),
            measuring.profile()?,
        )?,
    };
    let outcome = suite.run(&progress::Bar::new(suite.len())?)?;
    let file = file(&args.runs, &stamp(&outcome.run));
    publish(&outcome.run, Format::Json, Some(&file))?;
    publish(&outcome.run, Format::Text, None)?;
    print(&format!("every sample is in {}\n", file.display()))?;
    outcome.into_result()
}

fn file(runs: &Path, started: &str) -> PathBuf {
    runs.join(format!("quick-{started}.json"))
}

/// When it started, to the second, as a file's name can have it.
fn stamp(run: &Run) -> String {
    let seconds = run.started.split('.').next().unwrap_or_default();
    seconds.trim_end_matches('Z').replace(':', "-")
}
