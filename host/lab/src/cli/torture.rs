//! `sandlab torture`

use super::loading::duration;
use crate::experiments::torture::{Torture, torture};
use crate::{Error, Result, report};
use sandlab_runtime::messaging::Placement;
use std::time::Duration;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// How long attacks go on; what is quiet before and after takes half of that again.
    #[arg(long, default_value = "10s", value_parser = duration)]
    duration: Duration,
    /// What gives the order of the attacks: the same one gives the same.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Good agents at work beside them.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u8).range(1..=64))]
    agents: u8,
    /// Messages a second to the good agents.
    #[arg(long, default_value = "2_000", value_parser = super::loading::rate)]
    rate: f64,
    /// Threads that good agents live on.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..253))]
    shards: u8,
    /// Let hostile agents live on the same threads as good ones, instead of in quarantine.
    #[arg(long)]
    together: bool,
    /// Write everything that was found out as JSON.
    #[arg(long)]
    json: bool,
}

pub fn execute(args: &Args) -> Result<()> {
    let tortured = torture(&Torture {
        duration: args.duration,
        seed: args.seed,
        agents: u32::from(args.agents),
        rate: args.rate,
        shards: usize::from(args.shards),
        placement: match args.together {
            true => Placement::Shards,
            false => Placement::Quarantine,
        },
    })?;
    let text = if args.json {
        let json = serde_json::to_string_pretty(&tortured);
        json.map_err(|error| Error::Machine(error.to_string()))? + "\n"
    } else {
        report::torture(&tortured, console::colors_enabled())
    };
    super::print(&text)?;
    let broken = tortured.broken();
    if broken.is_empty() {
        return Ok(());
    }
    Err(Error::Beyond(broken))
}
