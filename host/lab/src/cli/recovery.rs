//! `sandlab recovery`

use super::loading::{Loading, Plan, any_duration, duration, rate};
use crate::Result;
use crate::experiments::load::{Recovery, Trap, recovery};
use sandlab_runtime::BackendKind;
use std::time::Duration;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The agent that all are; it must fault as `faulty` does when it is told to.
    #[arg(value_name = "AGENT|BUNDLE", default_value = "faulty")]
    subject: String,
    /// What goes wrong.
    #[arg(long, value_enum, default_value = "panic")]
    fault: Trap,
    /// Faults a second, for half of the time.
    #[arg(long, default_value = "8", value_parser = rate)]
    fault_rate: f64,
    /// How many agents get the messages, and the faults, in turn.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    agents: u32,
    /// Messages a second that are due.
    #[arg(long, default_value = "10_000", value_parser = rate)]
    rate: f64,
    /// How long to measure: without faults, with, with, without.
    #[arg(long, default_value = "20s", value_parser = duration)]
    duration: Duration,
    /// How long the rate grows before.
    #[arg(long, default_value = "1s", value_parser = any_duration)]
    ramp_up: Duration,
    #[command(flatten)]
    loading: Loading,
}

pub fn execute(args: &Args) -> Result<()> {
    let load = Recovery {
        agents: args.agents as usize,
        rate: args.rate,
        faults: args.fault_rate,
        trap: args.fault,
        duration: args.duration,
        ramp_up: args.ramp_up,
        shards: args.loading.shards(),
    };
    let plan = Plan {
        name: "recovery",
        subject: &args.subject,
        backends: &BackendKind::ALL,
        agents: args.agents as usize,
        parts: 1,
        judges: true,
    };
    args.loading
        .run(&plan, |program, to| recovery(program, &load, to))
}
