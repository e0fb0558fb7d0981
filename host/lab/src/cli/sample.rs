//! `sandlab sample`

use super::{print, progress};
use crate::Result;
use crate::bundle;
use crate::experiments::options::seed;
use crate::sampling::pairs::sample;
use sandlab_runtime::SandboxConfig;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Names of built agents, bundles, or component files.
    #[arg(value_name = "AGENT|BUNDLE|FILE.wasm", default_values = ["echo", "json"])]
    subjects: Vec<String>,
    /// Also sample what comes before the first message: the time to compile a subject, and the
    /// memory of an instance.
    #[arg(long)]
    before: bool,
    /// The seed of the generated messages.
    #[arg(long, default_value_t = 1, value_parser = seed())]
    seed: u64,
}

pub fn execute(args: &Args) -> Result<()> {
    for name in &args.subjects {
        let subject = bundle::find(name, &mut progress::say)?;
        for line in sample(&subject, &SandboxConfig::default(), args.seed, args.before)? {
            print(&line)?;
        }
    }
    Ok(())
}
