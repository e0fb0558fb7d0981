//! `sandlab baseline`

use super::print;
use super::session::Stored;
use super::streams::width;
use crate::Result;
use crate::report::runs;
use clap::Subcommand;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Name a run; a name that another run had goes over to it.
    Save {
        /// The name.
        name: String,
        /// The run: its number, `last`, or the name of a baseline.
        #[arg(value_name = "RUN", default_value = "last")]
        run: String,
        #[command(flatten)]
        stored: Stored,
    },
    /// List the names, and their runs.
    List {
        #[command(flatten)]
        stored: Stored,
    },
    /// Take runs' names; the runs stay.
    Delete {
        /// The names.
        #[arg(value_name = "NAME", required = true)]
        names: Vec<String>,
        #[command(flatten)]
        stored: Stored,
    },
}

pub fn execute(args: &Args) -> Result<()> {
    match &args.what {
        What::Save { name, run, stored } => {
            let store = stored.existing()?;
            let run = store.find(run)?;
            store.save_baseline(name, run)?;
            print(&format!("run {run} is the baseline {name}\n"))
        }
        What::List { stored } => {
            let mut runs = stored.reading()?.runs()?;
            runs.retain(|run| !run.baselines.is_empty());
            print(&runs::list(&runs, width()))
        }
        What::Delete { names, stored } => {
            let store = stored.existing()?;
            names.iter().try_for_each(|name| store.delete_baseline(name))
        }
    }
}
