//! `sandlab load`

use super::{Burst, Sustained, burst, sustained};
use crate::experiments::options::{
    self, At, Deadline, Loading, Workers, any_duration, duration, rate,
};
use crate::experiments::{Given, Plan, Resumed};
use crate::sampling::counted;
use crate::sampling::program::Program;
use crate::sampling::recorder::Recorder;
use crate::sampling::steady::{Steady, steady};
use crate::{Error, Result};
use clap::Subcommand;
use sandlab_runtime::BackendKind;
use std::time::Duration;

/// The kind of load, with its parameters.
#[derive(Debug, clap::Args)]
pub struct Parameters {
    #[command(subcommand)]
    kind: Kind,
}

#[derive(Debug, Subcommand)]
enum Kind {
    /// Many agents at a high rate, for minutes.
    Peak(Peak),
    /// A moderate rate for a day: does it leak memory, does it get slower?
    Sustained(Long),
    /// A sudden high rate: how many messages fail, and how soon is the latency as before?
    Burst(Sudden),
}

#[derive(Debug, clap::Args)]
struct Peak {
    #[command(flatten)]
    what: What,
    /// The number of agents, which get the messages in turn.
    #[arg(long, default_value_t = 1_000, value_parser = options::agents())]
    agents: u32,
    /// Messages per second that are due.
    #[arg(long, default_value = "100_000", value_parser = rate)]
    rate: f64,
    /// The content of each message that sandlab generates, bytes. [default: 1024]
    #[arg(long, value_parser = options::size())]
    size: Option<u32>,
    /// Length of the measurement
    #[arg(long, default_value = "300s", value_parser = duration)]
    duration: Duration,
    /// Time before the measurement in which the rate grows to its full value.
    #[arg(long, default_value = "5s", value_parser = any_duration)]
    ramp_up: Duration,
}

#[derive(Debug, clap::Args)]
struct Long {
    /// Resume a stored run that was killed or stopped: its number, or `last`. All other options are
    /// taken from it.
    #[arg(long, value_name = "RUN", conflicts_with_all = SETTLED)]
    resume: Option<String>,
    #[command(flatten)]
    what: What,
    /// The number of agents, which get the messages in turn.
    #[arg(long, default_value_t = 100, value_parser = options::agents())]
    agents: u32,
    /// Messages per second that are due.
    #[arg(long, default_value = "10_000", value_parser = rate)]
    rate: f64,
    /// The content of each message that sandlab generates, bytes. [default: 512]
    #[arg(long, value_parser = options::size())]
    size: Option<u32>,
    /// Length of the measurement, all cycles together.
    #[arg(long, default_value = "24h", value_parser = duration)]
    duration: Duration,
    /// Time before the measurement in which the rate grows to its full value.
    #[arg(long, default_value = "5s", value_parser = any_duration)]
    ramp_up: Duration,
    /// The number of cycles of load and rest that the time is cut into; a leak shows from 7 on.
    #[arg(long, default_value_t = 12, value_parser = options::whole::<u32>(1..=10_000))]
    cycles: u32,
}

/// Options that a resumed run takes from the stored one, and that must not be given again.
const SETTLED: [&str; 31] = [
    "metrics",
    "subject_prefix",
    "credentials",
    "root_certificates",
    "client_certificate",
    "client_key",
    "workers",
    "nats",
    "subject",
    "kind",
    "reuse",
    "native",
    "native_arg",
    "native_start",
    "workload",
    "like",
    "seed",
    "deadline",
    "backends",
    "shards",
    "target",
    "token_file",
    "agents",
    "rate",
    "size",
    "duration",
    "ramp_up",
    "cycles",
    "sandbox",
    "async_components",
    "no_store",
];

#[derive(Debug, clap::Args)]
struct Sudden {
    #[command(flatten)]
    what: What,
    /// The number of agents, which get the messages in turn.
    #[arg(long, default_value_t = 100, value_parser = options::agents())]
    agents: u32,
    /// Messages per second before and after.
    #[arg(long, default_value = "1_000", value_parser = rate)]
    rate: f64,
    /// Messages per second in the burst.
    #[arg(long, default_value = "50_000", value_parser = rate)]
    burst_rate: f64,
    /// The content of each message that sandlab generates, bytes. [default: 1024]
    #[arg(long, value_parser = options::size())]
    size: Option<u32>,
    /// Length of the burst
    #[arg(long, default_value = "10s", value_parser = duration)]
    duration: Duration,
    /// Time before the baseline in which the rate grows to its full value.
    #[arg(long, default_value = "1s", value_parser = any_duration)]
    ramp_up: Duration,
    /// Length of the baseline before the burst.
    #[arg(long, default_value = "10s", value_parser = duration)]
    baseline: Duration,
    /// Length of the recovery after the burst; the system counts as recovered after 2 s of quiet.
    #[arg(long, default_value = "30s", value_parser = duration)]
    watch: Duration,
}

/// The subject, its messages and its agents.
#[derive(Debug, clap::Args)]
struct What {
    /// A built agent, the folder of a bundle or crate, or a component or core module.
    #[arg(
        value_name = "AGENT|BUNDLE|FILE.wasm",
        default_value = "echo",
        conflicts_with = "target"
    )]
    subject: String,
    #[command(flatten)]
    deadline: Deadline,
    #[command(flatten)]
    loading: Loading,
    #[command(flatten)]
    at: At,
    #[command(flatten)]
    workers: Workers,
}

impl What {
    /// Prepares a run that does the same on each of these backends, or on those that the user
    /// names.
    fn plan<'a>(
        &self,
        name: &str,
        backends: &[BackendKind],
        (agents, size): (u32, &Option<u32>),
        each: Duration,
        given: &Given,
        measure: impl Fn(&Program, &mut dyn Recorder) -> Result<()> + 'a,
    ) -> Result<Plan<'a>> {
        let load = options::Load {
            name,
            subject: &self.subject,
            backends,
            agents: agents as usize,
            parts: 1,
            each,
            sends: true,
            sizes: size.as_slice(),
            at: Some(&self.at),
            workers: Some(&self.workers),
        };
        let (deadline, otherwise) = (self.deadline, given.deadline);
        self.loading
            .plan(&load, given, move |program, to| measure(&deadline.of(program, otherwise), to))
    }
}

impl Parameters {
    pub(super) fn resumes(&self) -> Option<Resumed<'_>> {
        match &self.kind {
            Kind::Sustained(args) => {
                args.resume.as_deref().map(|run| Resumed { run, name: "sustained" })
            }
            Kind::Peak(_) | Kind::Burst(_) => None,
        }
    }

    pub(super) fn plan<'a>(&'a self, given: &Given) -> Result<Plan<'a>> {
        match &self.kind {
            Kind::Peak(args) => args.plan(given),
            Kind::Sustained(args) => args.plan(given),
            Kind::Burst(args) => args.plan(given),
        }
    }
}

impl Peak {
    fn plan<'a>(&'a self, given: &Given) -> Result<Plan<'a>> {
        let load = Steady {
            kind: "peak",
            agents: self.agents as usize,
            rate: self.rate,
            duration: self.duration,
            ramp_up: self.ramp_up,
            shards: self.what.loading.shards(),
        };
        let measure = move |program: &Program, to: &mut dyn Recorder| steady(program, &load, to);
        let backends = [BackendKind::Wasm];
        let each = self.ramp_up + self.duration;
        self.what.plan("peak", &backends, (self.agents, &self.size), each, given, measure)
    }
}

impl Long {
    fn plan<'a>(&'a self, given: &Given) -> Result<Plan<'a>> {
        counted::hand_over("leaks of the host's heap are not seen", given.say)?;
        let load = Sustained {
            agents: self.agents as usize,
            rate: self.rate,
            duration: self.duration,
            ramp_up: self.ramp_up,
            cycles: self.cycles,
            shards: self.what.loading.shards(),
        };
        let measure = move |program: &Program, to: &mut dyn Recorder| sustained(program, &load, to);
        let backends = [BackendKind::Wasm];
        let each = self.ramp_up + self.duration;
        self.what.plan("sustained", &backends, (self.agents, &self.size), each, given, measure)
    }
}

impl Sudden {
    fn plan<'a>(&'a self, given: &Given) -> Result<Plan<'a>> {
        if self.burst_rate <= self.rate {
            return Err(Error::Usage(format!(
                "a burst of {} messages/s is no more than the {} before and after: --burst-rate has \
                 to be above --rate",
                self.burst_rate, self.rate
            )));
        }
        let load = Burst {
            agents: self.agents as usize,
            rate: self.rate,
            burst: self.burst_rate,
            duration: self.duration,
            ramp_up: self.ramp_up,
            baseline: self.baseline,
            watch: self.watch,
            shards: self.what.loading.shards(),
        };
        let measure = move |program: &Program, to: &mut dyn Recorder| burst(program, &load, to);
        let each = self.ramp_up + self.baseline + self.duration + self.watch;
        self.what.plan("burst", &BackendKind::ALL, (self.agents, &self.size), each, given, measure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Args;

    #[test]
    fn a_run_that_is_resumed_takes_no_other_parameter() {
        let load = Parameters::augment_args(clap::Command::new("load"));
        let long = load.find_subcommand("sustained").unwrap();
        let free = long.get_arguments().map(|argument| argument.get_id().as_str());
        let free: Vec<_> = free.filter(|id| !SETTLED.contains(id)).collect();
        assert_eq!(free, ["resume"]);
    }
}
