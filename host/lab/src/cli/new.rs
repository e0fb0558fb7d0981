//! `sandlab new`

use super::print;
use crate::Result;
use crate::bundle::{self, Language};
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name of the agent, of its project and of its folder.
    name: String,
    /// Language to write it in.
    #[arg(long, value_enum, default_value = "rust")]
    language: Language,
    /// Folder to write the project in.
    #[arg(long, value_name = "DIR", default_value = ".")]
    path: PathBuf,
}

pub fn execute(args: &Args) -> Result<()> {
    let folder = bundle::scaffold(&args.path, &args.name, args.language)?;
    let (folder, source) = (folder.display(), args.language.source());
    print(&format!(
        "{folder} is ready: change {source}, put messages and replies in workload.jsonl, and run\n  \
         sandlab compare {folder}\n"
    ))
}
