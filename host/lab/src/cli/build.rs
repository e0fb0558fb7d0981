//! `sandlab build`

use super::{print, progress};
use crate::{Result, bundle};
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Agent crates, or folders with agent crates.
    #[arg(value_name = "DIR", default_value = ".")]
    folders: Vec<PathBuf>,
}

pub fn execute(args: &Args) -> Result<()> {
    let bundles = bundle::build(&args.folders, &mut progress::say)?;
    for bundle in bundles {
        let manifest = &bundle.manifest;
        print(&format!(
            "{:<10} {:<13} component {:>7} B, twin {:>7} B  {}\n",
            manifest.name,
            manifest.world,
            manifest.component.bytes,
            manifest.twin.bytes,
            bundle.folder.display()
        ))?;
    }
    Ok(())
}
