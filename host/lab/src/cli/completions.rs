//! `sandlab completions`

use super::{Cli, print};
use crate::Result;
use clap::CommandFactory;
use clap_complete::Shell;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Shell that the completions are for.
    #[arg(value_enum)]
    shell: Shell,
}

pub fn execute(args: &Args) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "sandlab", &mut script);
    print(&String::from_utf8_lossy(&script))
}
