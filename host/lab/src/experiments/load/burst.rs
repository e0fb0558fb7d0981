//! Far more messages for a moment, and how soon all is as before.

use crate::Result;
use crate::experiments::load::{Program, echoing};
use crate::experiments::record::{Experiment, Finding, Recorder};
use crate::record::Entry;
use crate::record::Phase;
use crate::sampling::open_loop::{Schedule, Segment, drive};
use std::time::Duration;

/// A burst.
#[derive(Debug, Clone, Copy)]
pub struct Burst {
    /// Agents, which get messages in turn.
    pub agents: usize,
    /// The content of each message, bytes; at least 8.
    pub size: usize,
    /// Messages a second before and after.
    pub rate: f64,
    /// Messages a second in the burst.
    pub burst: f64,
    /// How long the burst is.
    pub duration: Duration,
    /// How long the rate grows before the baseline.
    pub ramp_up: Duration,
    /// How long the baseline is measured before.
    pub baseline: Duration,
    /// How long the recovery is watched after.
    pub watch: Duration,
    /// Threads that the agents live on.
    pub shards: usize,
}

/// Windows in which recovery is looked for.
pub const WINDOW: Duration = Duration::from_millis(100);

/// Loads a program's agents.
///
/// # Errors
/// If an agent does not start or echoes something else, or a message is lost.
pub fn burst(program: &Program, load: &Burst, to: &mut dyn Recorder) -> Result<()> {
    let part = program.part(
        Experiment::Burst,
        load.agents,
        load.size,
        Some(load.burst),
        load.shards,
    );
    to.record(Entry::Part(part))?;
    if let Some(why) = program.refuses(load.agents) {
        return to.finding(Finding::Unavailable { why });
    }
    let fleet = program.fleet(load.agents, load.shards)?;
    let schedule = Schedule::new(vec![
        Segment::ramp_up(load.rate, load.ramp_up),
        Segment::steady(Phase::Baseline, load.rate, load.baseline),
        Segment::steady(Phase::Burst, load.burst, load.duration),
        Segment::steady(Phase::Recovery, load.rate, load.watch),
    ]);
    let mut generator = echoing(&fleet, load.size);
    drive(&mut generator, schedule, WINDOW, |interval| {
        to.interval(interval)
    })?;
    to.accounts(&fleet)
}
