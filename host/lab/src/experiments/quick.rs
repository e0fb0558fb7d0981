//! Every load, start, limit and plan in a short version: enough to see that it works and roughly
//! how, not enough to hold anything against it.

use super::load::{Burst, Sustained, burst, sustained};
use super::recovery::{Faulting, Trap, recovery};
use super::scale::{Stage, scale};
use super::throughput::throughput;
use super::{Density, Experiment, Given, Memory, Plan, Spawn, Step};
use super::{memory, plan, spawn};
use crate::record::{Clients, ClosedLoop, Mode};
use crate::sampling::program::Program;
use crate::sampling::steady::{Steady, steady};
use crate::sampling::traffic::Traffic;
use crate::{Error, Result};
use sandlab_runtime::messaging::Strategy;
use std::time::Duration;

/// The most agents at once.
pub const AGENTS: usize = 100;

const SECOND: Duration = Duration::from_secs(1);
const MOMENT: Duration = Duration::from_millis(300);

/// Returns the loads of agents that echo, each a part of the run.
pub fn echoes(program: &Program, shards: usize) -> Vec<Step<'_>> {
    let closed = ClosedLoop {
        agents: 10,
        strategy: Strategy::ByValue,
        size: 1_024,
        depth: 64,
        connections: 1,
        clients: Clients::Threads,
        mode: Mode::Ask,
        duration: MOMENT,
    };
    let latency = Steady {
        kind: "latency",
        agents: 10,
        rate: 10_000.0,
        duration: SECOND,
        ramp_up: MOMENT,
        shards,
    };
    let peak = Steady { kind: "peak", agents: AGENTS, rate: 20_000.0, ..latency };
    let long = Sustained {
        agents: AGENTS,
        rate: 10_000.0,
        duration: 2 * SECOND,
        ramp_up: MOMENT,
        cycles: 7,
        shards,
    };
    let sudden = Burst {
        agents: AGENTS,
        rate: 1_000.0,
        burst: 20_000.0,
        duration: SECOND / 2,
        ramp_up: MOMENT,
        baseline: SECOND,
        watch: 3 * SECOND,
        shards,
    };
    let stages = [1, 10, AGENTS].map(|agents| Stage { agents, duration: MOMENT, shards });
    let mut steps: Vec<Step> = vec![Box::new(move |to| throughput(program, &closed, shards, to))];
    for stage in stages {
        steps.push(Box::new(move |to| scale(program, &stage, to)));
    }
    steps.push(Box::new(move |to| steady(program, &latency, to)));
    steps.push(Box::new(move |to| steady(program, &peak, to)));
    let small = program.sending(Traffic::Echo { size: 512 });
    steps.push(Box::new(move |to| sustained(&small, &long, to)));
    steps.push(Box::new(move |to| burst(program, &sudden, to)));
    steps
}

/// The questions of whoever sizes a host, each as its own command would ask it.
pub struct Sizing {
    spawn: spawn::Parameters,
    limits: memory::Parameters,
    need: memory::Parameters,
    fits: plan::Parameters,
}

impl Sizing {
    /// Returns the shortest version of each that still has an answer.
    ///
    /// # Errors
    /// If a command does not know one of these options.
    pub fn short() -> Result<Self> {
        Ok(Self {
            spawn: parsed("echo --rounds 60")?,
            limits: parsed("allocator --limits 1MB,10MB --backends wasm")?,
            need: parsed("markdown --tune --repeats 1 --passes 1 --soak 3s")?,
            fits: parsed("echo --limit 10MB --layout fast,packed")?,
        })
    }

    /// Prepares a run of each.
    ///
    /// # Errors
    /// If an agent is not there, or does not load.
    pub fn plans<'a>(&'a self, given: &'a Given) -> Result<Vec<Plan<'a>>> {
        Ok(vec![
            Spawn::plan(&self.spawn, given)?,
            Memory::plan(&self.limits, given)?,
            Memory::plan(&self.need, given)?,
            Density::plan(&self.fits, given)?,
        ])
    }
}

/// Reads the options of a command.
fn parsed<P: clap::Args>(options: &str) -> Result<P> {
    let command = P::augment_args(clap::Command::new("quick").no_binary_name(true));
    let matches = command.try_get_matches_from(options.split(' '));
    let parsed = matches.and_then(|matches| P::from_arg_matches(&matches));
    parsed.map_err(|error| Error::Usage(error.to_string()))
}

/// Returns the load of agents that fault, a part of the run.
pub fn faults(program: &Program, shards: usize) -> Step<'_> {
    let faulting = Faulting {
        agents: AGENTS,
        rate: 5_000.0,
        faults: 8.0,
        trap: Trap::Panic,
        duration: 4 * SECOND,
        ramp_up: MOMENT,
        shards,
    };
    Box::new(move |to| recovery(program, &faulting, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_know_the_options_of_the_short_versions() {
        assert!(Sizing::short().is_ok());
    }
}
