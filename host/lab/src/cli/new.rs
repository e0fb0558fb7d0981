//! `sandlab new`

use super::print;
use crate::{Result, bundle};
use std::path::{Path, PathBuf};

/// The SDK's folder when sandlab was built.
const SDK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../guest-agents/sdk");

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name of the agent, of its crate and of its folder.
    name: String,
    /// Folder to write the crate in.
    #[arg(long, value_name = "DIR", default_value = ".")]
    path: PathBuf,
    /// Folder of the SDK's crate, if it has moved since sandlab was built.
    #[arg(long, value_name = "DIR")]
    sdk: Option<PathBuf>,
}

pub fn execute(args: &Args) -> Result<()> {
    let sdk = args.sdk.as_deref().unwrap_or(Path::new(SDK));
    let folder = bundle::scaffold(&args.path, &args.name, sdk)?;
    let folder = folder.display();
    print(&format!(
        "{folder} is ready: change src/lib.rs, put messages and replies in workload.jsonl, and run\n  \
         sandlab compare {folder}\n"
    ))
}
