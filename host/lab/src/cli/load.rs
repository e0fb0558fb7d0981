//! `sandlab load`

use super::counted;
use super::loading::{Loading, Plan, any_duration, duration, rate};
use crate::Result;
use crate::experiments::load::{Burst, Steady, Sustained, burst, steady, sustained};
use crate::experiments::record::Experiment;
use clap::Subcommand;
use sandlab_runtime::BackendKind;
use std::time::Duration;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    load: Load,
}

#[derive(Debug, Subcommand)]
enum Load {
    /// Many agents at a high rate, for minutes.
    Peak(Peak),
    /// A moderate rate for a day: what does it leave behind, does it get slower?
    Sustained(Day),
    /// A sudden high rate: how is it borne, and when is all as before?
    Burst(Sudden),
}

#[derive(Debug, clap::Args)]
struct Peak {
    #[command(flatten)]
    what: What,
    /// How many agents get the messages in turn.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..))]
    agents: u32,
    /// Messages a second that are due.
    #[arg(long, default_value = "100_000", value_parser = rate)]
    rate: f64,
    /// The content of each message, bytes.
    #[arg(long, default_value_t = 1024, value_parser = clap::value_parser!(u32).range(8..))]
    size: u32,
    /// How long to measure.
    #[arg(long, default_value = "300s", value_parser = duration)]
    duration: Duration,
    /// How long the rate grows before.
    #[arg(long, default_value = "5s", value_parser = any_duration)]
    ramp_up: Duration,
}

#[derive(Debug, clap::Args)]
struct Day {
    #[command(flatten)]
    what: What,
    /// How many agents get the messages in turn.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    agents: u32,
    /// Messages a second that are due.
    #[arg(long, default_value = "10_000", value_parser = rate)]
    rate: f64,
    /// The content of each message, bytes.
    #[arg(long, default_value_t = 512, value_parser = clap::value_parser!(u32).range(8..))]
    size: u32,
    /// How long to measure, all cycles together.
    #[arg(long, default_value = "24h", value_parser = duration)]
    duration: Duration,
    /// How long the rate grows before.
    #[arg(long, default_value = "5s", value_parser = any_duration)]
    ramp_up: Duration,
    /// Into how many cycles of load and rest the time is cut; a leak shows from 7 on.
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..))]
    cycles: u32,
}

#[derive(Debug, clap::Args)]
struct Sudden {
    #[command(flatten)]
    what: What,
    /// How many agents get the messages in turn.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    agents: u32,
    /// Messages a second before and after.
    #[arg(long, default_value = "1_000", value_parser = rate)]
    rate: f64,
    /// Messages a second in the burst.
    #[arg(long, default_value = "50_000", value_parser = rate)]
    burst_rate: f64,
    /// The content of each message, bytes.
    #[arg(long, default_value_t = 1024, value_parser = clap::value_parser!(u32).range(8..))]
    size: u32,
    /// How long the burst is.
    #[arg(long, default_value = "10s", value_parser = duration)]
    duration: Duration,
    /// How long the rate grows before the baseline.
    #[arg(long, default_value = "1s", value_parser = any_duration)]
    ramp_up: Duration,
    /// How long the baseline is measured before the burst.
    #[arg(long, default_value = "10s", value_parser = duration)]
    baseline: Duration,
    /// How long the recovery is watched; it takes 2 s of quiet to call it one.
    #[arg(long, default_value = "30s", value_parser = duration)]
    watch: Duration,
}

/// What is loaded.
#[derive(Debug, clap::Args)]
struct What {
    /// The agent that all are; it must answer with the content, as `echo` does.
    #[arg(value_name = "AGENT|BUNDLE", default_value = "echo")]
    subject: String,
    #[command(flatten)]
    loading: Loading,
}

impl What {
    fn plan<'a>(&'a self, name: &'a str, backends: &'a [BackendKind], agents: u32) -> Plan<'a> {
        Plan {
            name,
            subject: &self.subject,
            backends,
            agents: agents as usize,
            parts: 1,
            judges: true,
        }
    }
}

pub fn execute(args: &Args) -> Result<()> {
    match &args.load {
        Load::Peak(args) => peak(args),
        Load::Sustained(args) => day(args),
        Load::Burst(args) => sudden(args),
    }
}

fn peak(args: &Peak) -> Result<()> {
    let load = Steady {
        experiment: Experiment::Peak,
        agents: args.agents as usize,
        size: args.size as usize,
        rate: args.rate,
        duration: args.duration,
        ramp_up: args.ramp_up,
        shards: args.what.loading.shards(),
    };
    let plan = args.what.plan("peak", &[BackendKind::Wasm], args.agents);
    args.what
        .loading
        .run(&plan, |program, to| steady(program, &load, to))
}

fn day(args: &Day) -> Result<()> {
    counted::hand_over("leaks of the host's heap are not seen")?;
    let load = Sustained {
        agents: args.agents as usize,
        size: args.size as usize,
        rate: args.rate,
        duration: args.duration,
        ramp_up: args.ramp_up,
        cycles: args.cycles,
        shards: args.what.loading.shards(),
    };
    let plan = args
        .what
        .plan("sustained", &[BackendKind::Wasm], args.agents);
    args.what
        .loading
        .run(&plan, |program, to| sustained(program, &load, to))
}

fn sudden(args: &Sudden) -> Result<()> {
    let load = Burst {
        agents: args.agents as usize,
        size: args.size as usize,
        rate: args.rate,
        burst: args.burst_rate,
        duration: args.duration,
        ramp_up: args.ramp_up,
        baseline: args.baseline,
        watch: args.watch,
        shards: args.what.loading.shards(),
    };
    let plan = args.what.plan("burst", &BackendKind::ALL, args.agents);
    args.what
        .loading
        .run(&plan, |program, to| burst(program, &load, to))
}
