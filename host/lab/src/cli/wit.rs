//! `sandlab wit`

use super::print;
use crate::{Error, Result, contract, record};
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only what this world needs: plain-agent, batch-agent, durable-agent or zero-copy-agent.
    #[arg(long, value_name = "NAME")]
    world: Option<String>,
    /// Folder to write the package's files to, instead of to standard output.
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
}

pub fn execute(args: &Args) -> Result<()> {
    let files = match &args.world {
        Some(world) => contract::world(world)?,
        None => contract::package(),
    };
    let Some(folder) = &args.output else {
        return print(&contract::joined(&files));
    };
    std::fs::create_dir_all(folder).map_err(Error::file("make the folder", folder))?;
    for file in files {
        record::write_whole(&folder.join(file.name), file.text.as_bytes())?;
    }
    Ok(())
}
