//! One rate, after it has grown: latency, and the load of a peak.

use crate::Result;
use crate::experiments::load::{Program, echoing, interval_of, response};
use crate::experiments::record::{Experiment, Finding, Recorder};
use crate::record::Entry;
use crate::record::Phase;
use crate::sampling::open_loop::{Schedule, Segment, drive};
use std::time::Duration;

/// One rate.
#[derive(Debug, Clone, Copy)]
pub struct Steady {
    /// Latency or peak: which targets it is held against.
    pub experiment: Experiment,
    /// Agents, which get messages in turn.
    pub agents: usize,
    /// The content of each message, bytes; at least 8.
    pub size: usize,
    /// Messages a second.
    pub rate: f64,
    /// How long to measure.
    pub duration: Duration,
    /// How long the rate grows before, from nothing on.
    pub ramp_up: Duration,
    /// Threads that the agents live on.
    pub shards: usize,
}

/// Loads a program's agents.
///
/// # Errors
/// If an agent does not start or echoes something else, or a message is lost.
pub fn steady(program: &Program, load: &Steady, to: &mut dyn Recorder) -> Result<()> {
    let part = program.part(
        load.experiment,
        load.agents,
        load.size,
        Some(load.rate),
        load.shards,
    );
    to.record(Entry::Part(part))?;
    if let Some(why) = program.refuses(load.agents) {
        return to.finding(Finding::Unavailable { why });
    }
    let time = response(program, load.size)?;
    to.finding(Finding::Response { time })?;
    let fleet = program.fleet(load.agents, load.shards)?;
    let schedule = Schedule::new(vec![
        Segment::ramp_up(load.rate, load.ramp_up),
        Segment::steady(Phase::Steady, load.rate, load.duration),
    ]);
    let mut generator = echoing(&fleet, load.size);
    drive(
        &mut generator,
        schedule,
        interval_of(load.duration),
        |interval| to.interval(interval),
    )?;
    to.accounts(&fleet)
}
