//! `sandlab pack`

use crate::{Result, bundle};
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// File to write.
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
}

pub fn execute(args: &Args) -> Result<()> {
    bundle::pack(&bundle::find_all()?, &args.output)
}
