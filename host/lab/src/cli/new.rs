//! `sandlab new`

use super::print;
use crate::{Result, bundle};
use std::path::{Path, PathBuf};

/// Where the SDK was when sandlab was built.
const SDK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../guest-agents/sdk");

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The agent's name, which becomes the crate's and its folder's.
    name: String,
    /// Write it in this folder.
    #[arg(long, value_name = "DIR", default_value = ".")]
    path: PathBuf,
    /// The SDK's crate, if it is not where it was when sandlab was built.
    #[arg(long, value_name = "DIR")]
    sdk: Option<PathBuf>,
}

pub fn execute(args: &Args) -> Result<()> {
    let sdk = args.sdk.as_deref().unwrap_or(Path::new(SDK));
    let folder = bundle::scaffold(&args.path, &args.name, sdk)?;
    let folder = folder.display();
    print(&format!(
        "{folder} is ready: change src/lib.rs, say in workload.jsonl what it must answer, and run\n  \
         sandlab compare {folder}\n"
    ))
}
