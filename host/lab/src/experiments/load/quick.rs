//! Every load in a short version: enough to see that it works and roughly how, not enough
//! to hold anything against it.

use crate::Result;
use crate::experiments::load::{
    Burst, Program, Recovery, Scale, Steady, Sustained, Trap, burst, closed, recovery, scale,
    steady, sustained,
};
use crate::experiments::record::{Experiment, Recorder};
use crate::sampling::closed_loop::{Clients, Load, Mode};
use sandlab_runtime::messaging::Strategy;
use std::time::Duration;

/// The most agents at once.
pub const AGENTS: usize = 100;

/// Parts of each program.
pub const PARTS: usize = 8;

/// All that agents that echo can bear.
///
/// # Errors
/// If an agent does not start or echoes something else, or a message is lost.
pub fn echoes(program: &Program, shards: usize, to: &mut dyn Recorder) -> Result<()> {
    let second = Duration::from_secs(1);
    let moment = Duration::from_millis(300);
    let load = Load {
        agents: 10,
        config: None,
        strategy: Strategy::ByValue,
        size: 1_024,
        depth: 64,
        connections: 1,
        clients: Clients::Threads,
        mode: Mode::Ask,
        duration: moment,
    };
    closed(program, &load, shards, to)?;
    for agents in [1, 10, AGENTS] {
        let load = Scale {
            agents,
            size: 1_024,
            duration: moment,
            shards,
        };
        scale(program, &load, to)?;
    }
    let latency = Steady {
        experiment: Experiment::Latency,
        agents: 10,
        size: 1_024,
        rate: 10_000.0,
        duration: second,
        ramp_up: moment,
        shards,
    };
    let peak = Steady {
        experiment: Experiment::Peak,
        agents: AGENTS,
        rate: 20_000.0,
        ..latency
    };
    steady(program, &latency, to)?;
    steady(program, &peak, to)?;
    let day = Sustained {
        agents: AGENTS,
        size: 512,
        rate: 10_000.0,
        duration: 2 * second,
        ramp_up: moment,
        cycles: 7,
        shards,
    };
    sustained(program, &day, to)?;
    let sudden = Burst {
        agents: AGENTS,
        size: 1_024,
        rate: 1_000.0,
        burst: 20_000.0,
        duration: second / 2,
        ramp_up: moment,
        baseline: second,
        watch: 3 * second,
        shards,
    };
    burst(program, &sudden, to)
}

/// What agents that fault can.
///
/// # Errors
/// As [`echoes`].
pub fn faults(program: &Program, shards: usize, to: &mut dyn Recorder) -> Result<()> {
    let load = Recovery {
        agents: AGENTS,
        rate: 5_000.0,
        faults: 8.0,
        trap: Trap::Panic,
        duration: Duration::from_secs(4),
        ramp_up: Duration::from_millis(300),
        shards,
    };
    recovery(program, &load, to)
}
