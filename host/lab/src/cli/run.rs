//! `sandlab run`

use super::loading::{Loading, Plan};
use super::measuring::Measuring;
use super::{print, progress, publish};
use crate::experiment::load::quick;
use crate::report::Format;
use crate::results::{self, Run};
use crate::suite::Suite;
use crate::{Error, Result};
use clap::ValueEnum;
use sandlab_runtime::BackendKind;
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
    /// Every built agent, every size, on every backend, the ladder of `echo`, and short
    /// versions of the loads: under two minutes on two cores.
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
    print(&format!("every sample is in {}\n\n", file.display()))?;
    outcome.into_result()?;
    loads(args)
}

/// The loads on the message path, in short versions.
fn loads(args: &Args) -> Result<()> {
    print(
        "Loads on the message path, in short versions that nothing is held against; \
         `sandlab load`, `latency`, `scale` and `recovery` run the whole ones.\n\n",
    )?;
    let measuring = &args.measuring;
    let loading = Loading::quick(
        measuring.backends(),
        measuring.profile_file(),
        args.runs.clone(),
    );
    let shards = loading.shards();
    let plan = |subject, parts| Plan {
        name: "quick-loads",
        subject,
        backends: &BackendKind::ALL,
        agents: quick::AGENTS,
        parts,
        judges: false,
    };
    loading.run(&plan("echo", quick::PARTS), |program, to| {
        quick::echoes(program, shards, to)
    })?;
    loading.run(&plan("faulty", 1), |program, to| {
        quick::faults(program, shards, to)
    })
}

fn file(runs: &Path, started: &str) -> PathBuf {
    runs.join(format!("quick-{started}.json"))
}

/// When it started, to the second, as a file's name can have it.
fn stamp(run: &Run) -> String {
    let seconds = run.started.split('.').next().unwrap_or_default();
    seconds.trim_end_matches('Z').replace(':', "-")
}
