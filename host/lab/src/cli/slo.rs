//! `sandlab slo`

use super::print;
use super::session::Stored;
use crate::verdict::objectives;
use crate::{Error, Result};
use clap::Subcommand;
use sandlab_serve::slo::{read_objectives, rules};
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Print objectives as Prometheus rules: recording and alerting.
    Rules {
        /// A file with objectives: one of them alone, or the config of `sandlab serve`.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Propose objectives that a stored baseline would have met, and say how often its run would
    /// have violated each.
    Suggest {
        /// The name of a baseline; a run's number or `last` will do as well.
        #[arg(long, value_name = "NAME")]
        baseline: String,
        #[command(flatten)]
        stored: Stored,
    },
}

pub fn execute(args: &Args) -> Result<()> {
    match &args.what {
        What::Rules { file } => {
            let objectives =
                read_objectives(file).map_err(|error| Error::Usage(error.to_string()))?;
            print(&rules(&objectives))
        }
        What::Suggest { baseline, stored } => {
            let store = stored.reading()?;
            let run = store.find(baseline)?;
            let found = store.run(run)?;
            let proposals = objectives::propose(&found);
            let withheld = objectives::withheld(&found);
            if proposals.is_empty() && !withheld.is_empty() {
                return Err(Error::NotJudged(withheld));
            }
            if proposals.is_empty() {
                return Err(Error::Usage(format!(
                    "run {run} says nothing of how long sandboxed agents take at a rate: measure \
                     it, for example with `sandlab latency --backends wasm`, and name that run \
                     with `sandlab baseline save NAME`"
                )));
            }
            print(&objectives::toml(&format!("{baseline}, run {run}"), &proposals))
        }
    }
}
