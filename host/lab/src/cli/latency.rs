//! `sandlab latency`

use super::loading::{Loading, Plan, any_duration, duration, rate};
use crate::Result;
use crate::experiments::load::{Search, Steady, max_rate, steady};
use crate::experiments::record::Experiment;
use sandlab_runtime::BackendKind;
use std::time::Duration;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The agent that all are; it must answer with the content, as `echo` does.
    #[arg(value_name = "AGENT|BUNDLE", default_value = "echo")]
    subject: String,
    /// Messages a second that are due, whatever becomes of them.
    #[arg(long, default_value = "10_000", value_parser = rate, conflicts_with = "max_rate")]
    rate: f64,
    /// How many agents get them in turn.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    agents: u32,
    /// The content of each message, bytes.
    #[arg(long, default_value_t = 1024, value_parser = clap::value_parser!(u32).range(8..))]
    size: u32,
    /// How long to measure.
    #[arg(long, default_value = "10s", value_parser = duration)]
    duration: Duration,
    /// How long the rate grows before.
    #[arg(long, default_value = "1s", value_parser = any_duration)]
    ramp_up: Duration,
    /// Search for the highest rate that the path bears, instead.
    #[arg(long)]
    max_rate: bool,
    /// With `--max-rate`: the 99th percentile that may not be passed.
    #[arg(long, default_value = "10ms", value_parser = duration)]
    p99: Duration,
    /// With `--max-rate`: how long each step is.
    #[arg(long, default_value = "2s", value_parser = duration)]
    step: Duration,
    #[command(flatten)]
    loading: Loading,
}

pub fn execute(args: &Args) -> Result<()> {
    let plan = Plan {
        name: if args.max_rate { "max-rate" } else { "latency" },
        subject: &args.subject,
        backends: &BackendKind::ALL,
        agents: args.agents as usize,
        parts: 1,
        judges: true,
    };
    let (agents, size) = (args.agents as usize, args.size as usize);
    let shards = args.loading.shards();
    if args.max_rate {
        let search = Search {
            agents,
            size,
            p99: args.p99,
            step: args.step,
            shards,
        };
        return args
            .loading
            .run(&plan, |program, to| max_rate(program, &search, to));
    }
    let load = Steady {
        experiment: Experiment::Latency,
        agents,
        size,
        rate: args.rate,
        duration: args.duration,
        ramp_up: args.ramp_up,
        shards,
    };
    args.loading
        .run(&plan, |program, to| steady(program, &load, to))
}
