//! `sandlab build`

use super::{print, progress};
use crate::bundle::component;
use crate::{Error, Result, bundle};
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Agent crates, folders with agent crates, or projects in other languages.
    #[arg(value_name = "DIR", default_value = ".")]
    folders: Vec<PathBuf>,
}

pub fn execute(args: &Args) -> Result<()> {
    let mut crates = Vec::new();
    for folder in &args.folders {
        let Some(of_project) = component::of_folder(folder)? else {
            crates.push(folder.clone());
            continue;
        };
        let built = component::build(folder, &of_project, &mut progress::say)?;
        let file = built.component();
        let bytes = file.metadata().map_err(Error::file("open", &file))?.len();
        print(&format!("{:<10} component {bytes:>7} B  {}\n", built.name(), file.display()))?;
    }
    for bundle in bundle::build(&crates, &mut progress::say)? {
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
