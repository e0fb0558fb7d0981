//! `sandlab scale`

use super::loading::{Loading, Plan, duration};
use crate::Result;
use crate::experiments::load::{Scale, scale};
use crate::experiments::record::Recorder;
use sandlab_runtime::BackendKind;
use std::time::Duration;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The agent that all are; it must answer with the content, as `echo` does.
    #[arg(value_name = "AGENT|BUNDLE", default_value = "echo")]
    subject: String,
    /// How many agents, one number after another.
    #[arg(long, value_delimiter = ',', default_value = "1,10,100,1000,10000", value_parser = clap::value_parser!(u32).range(1..))]
    agents: Vec<u32>,
    /// The content of each message, bytes.
    #[arg(long, default_value_t = 1024, value_parser = clap::value_parser!(u32).range(8..))]
    size: u32,
    /// How long to measure throughput with each number.
    #[arg(long, default_value = "2s", value_parser = duration)]
    duration: Duration,
    #[command(flatten)]
    loading: Loading,
}

pub fn execute(args: &Args) -> Result<()> {
    let most = args.agents.iter().copied().max().unwrap_or(1);
    let plan = Plan {
        name: "scale",
        subject: &args.subject,
        backends: &BackendKind::ALL,
        agents: most as usize,
        parts: args.agents.len(),
        judges: true,
    };
    args.loading.run(&plan, |program, to: &mut dyn Recorder| {
        for agents in &args.agents {
            if to.stopped() {
                break;
            }
            let load = Scale {
                agents: *agents as usize,
                size: args.size as usize,
                duration: args.duration,
                shards: args.loading.all_shards(),
            };
            scale(program, &load, to)?;
        }
        Ok(())
    })
}
