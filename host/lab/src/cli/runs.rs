//! `sandlab runs`

use super::print;
use super::session::Stored;
use super::streams::{deliver, width};
use crate::experiments;
use crate::paths::shown;
use crate::printable::printable;
use crate::record::Document;
use crate::report::runs;
use crate::{Error, Result};
use clap::Subcommand;
use sandlab_runtime::text_file;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    stored: Stored,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List all runs, as `sandlab runs` does without a subcommand.
    List {
        #[command(flatten)]
        stored: Stored,
    },
    /// Show the records of a run: its time, machine and settings, and the number of its samples.
    /// `sandlab report` shows the results.
    Show {
        #[command(flatten)]
        which: Which,
    },
    /// Write a run as JSON, with every sample, as in docs/run.schema.json.
    Export {
        #[command(flatten)]
        which: Which,
        /// Write to this file, instead of to standard output.
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Add runs that were exported.
    Import {
        /// The files.
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
        #[command(flatten)]
        stored: Stored,
    },
    /// Remove runs. One that is a baseline stays.
    Delete {
        /// The runs: their numbers, or `last`.
        #[arg(value_name = "RUN", required = true)]
        runs: Vec<String>,
        #[command(flatten)]
        stored: Stored,
    },
    /// Print the JSON Schema of exported runs.
    Schema,
}

/// A stored run.
#[derive(Debug, clap::Args)]
struct Which {
    /// The run: its number, `last`, or the name of a baseline.
    #[arg(value_name = "RUN", default_value = "last")]
    run: String,
    #[command(flatten)]
    stored: Stored,
}

pub fn execute(args: &Args) -> Result<()> {
    match &args.what {
        None => list(&args.stored),
        Some(What::List { stored }) => list(stored),
        Some(What::Show { which }) => {
            let store = which.stored.reading()?;
            let run = store.find(&which.run)?;
            print(&runs::show(run, &store.document(run)?, width()))
        }
        Some(What::Export { which, output }) => export(which, output.as_deref()),
        Some(What::Import { files, stored }) => import(files, stored),
        Some(What::Delete { runs, stored }) => {
            let store = stored.existing()?;
            let found = runs.iter().map(|run| store.find(run));
            let found = found.collect::<Result<Vec<_>>>()?;
            found.into_iter().try_for_each(|run| store.delete(run))
        }
        Some(What::Schema) => print(&experiments::run_schema()),
    }
}

fn list(stored: &Stored) -> Result<()> {
    print(&runs::list(&stored.reading()?.runs()?, width()))
}

fn export(which: &Which, output: Option<&Path>) -> Result<()> {
    let store = which.stored.reading()?;
    let document = store.document(store.find(&which.run)?)?;
    deliver(output, &document.json()?)
}

/// All files are read before the first one is stored.
fn import(files: &[PathBuf], stored: &Stored) -> Result<()> {
    let read = files.iter().map(|path| {
        let text = text_file::read(path).map_err(Error::file("read", path))?;
        let document = Document::read(&text);
        let document =
            document.and_then(|document| experiments::check(&document).map(|()| document));
        document.map_err(|reason| Error::Import { path: path.clone(), reason })
    });
    let documents = read.collect::<Result<Vec<_>>>()?;
    let mut store = stored.open()?;
    for (document, path) in documents.iter().zip(files) {
        let run = store.import(document)?;
        print(&format!("{} is run {run}\n", printable(&shown(path))))?;
    }
    Ok(())
}
