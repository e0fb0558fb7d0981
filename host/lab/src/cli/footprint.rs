//! `sandlab sandbox config`

use super::counted;
use super::loading::{Loading, Plan, duration, rate};
use super::messages::Messages;
use super::progress;
use crate::Result;
use crate::bundle;
use crate::experiments::footprint::{Profiling, sandbox};
use crate::sampling::probe::Greeting;
use sandlab_runtime::BackendKind;
use std::time::Duration;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A built agent, the folder of a bundle or crate, or a component file.
    #[arg(value_name = "AGENT|BUNDLE|FILE.wasm", default_value = "echo")]
    subject: String,
    /// How many agents there are; what is told of one is a share of all.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    agents: u32,
    /// Messages a second, to all of them together, for the CPU at a rate.
    #[arg(long, default_value = "10_000", value_parser = rate)]
    rate: f64,
    /// How long to hold that rate, and how long to be idle.
    #[arg(long, default_value = "2s", value_parser = duration)]
    duration: Duration,
    #[command(flatten)]
    messages: Messages,
    /// The seed of the generated messages.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    loading: Loading,
}

pub fn execute(args: &Args) -> Result<()> {
    counted::hand_over("the host's heap is not measured")?;
    let subject = bundle::find(&args.subject, &mut progress::say)?;
    let cases = args.messages.cases(&subject, args.seed)?;
    let how = Profiling {
        agents: args.agents as usize,
        rate: args.rate,
        duration: args.duration,
        shards: args.loading.shards(),
    };
    let plan = Plan {
        name: "profile",
        subject: &args.subject,
        backends: &BackendKind::ALL,
        agents: args.agents as usize + 1,
        parts: 1,
        judges: true,
    };
    args.loading.run(&plan, |program, to| {
        let greeting = Greeting::of(&program.agent, program.start.as_ref(), &cases)?;
        sandbox(program, &greeting, &how, to)
    })
}
