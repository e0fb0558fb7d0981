//! `sandlab run`

use super::compare::Measuring;
use super::print;
use crate::bundle::{self, Subject};
use crate::experiment::setup;
use crate::report::{self, Format};
use crate::{Error, Result, results};
use clap::ValueEnum;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which suite.
    #[arg(value_enum)]
    suite: Suite,
    #[command(flatten)]
    measuring: Measuring,
    /// Where runs are kept.
    #[arg(long, value_name = "DIR", default_value = "runs")]
    runs: PathBuf,
}

/// What to run.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Suite {
    /// Every built agent, every size, on every backend: under two minutes on two cores.
    Quick,
}

pub fn execute(args: &Args) -> Result<()> {
    let Suite::Quick = args.suite;
    std::fs::create_dir_all(&args.runs).map_err(Error::file("make the folder", &args.runs))?;
    let subjects: Vec<Subject> = bundle::find_all()?.into_iter().map(Subject::from).collect();
    let run = args.measuring.run(&subjects, setup::cases)?;
    let name: String = run
        .started
        .chars()
        .take(19)
        .map(|c| if c == ':' { '-' } else { c })
        .collect();
    let file = args.runs.join(format!("quick-{name}.json"));
    results::write_whole(&file, report::render(&run, Format::Json)?.as_bytes())?;
    print(&report::render(&run, Format::Text)?)?;
    print(&format!("every sample is in {}\n", file.display()))
}
