//! `sandlab schema`

use super::print;
use crate::{Result, experiments, workload};
use clap::ValueEnum;

/// The files whose schema is printed.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The files to describe: runs, workloads, or configurations of hosts.
    #[arg(value_enum)]
    of: Of,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Of {
    /// Exported runs and reports: docs/run.schema.json.
    Run,
    /// A configuration of `serve`: docs/serve.schema.json.
    Serve,
    /// A line of a workload file: docs/workload.schema.json.
    Workload,
}

pub fn execute(args: &Args) -> Result<()> {
    print(&match args.of {
        Of::Run => experiments::run_schema(),
        Of::Serve => sandlab_serve::Config::schema() + "\n",
        Of::Workload => workload::schema(),
    })
}
