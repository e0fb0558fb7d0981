//! Far more messages for a moment, and how soon all is as before.

use crate::Result;
use crate::record::Phase;
use crate::sampling::open_loop::{Schedule, Segment};
use crate::sampling::program::Program;
use crate::sampling::recorder::Recorder;
use std::time::Duration;

/// A burst.
#[derive(Debug, Clone, Copy)]
pub struct Burst {
    /// Agents, which get messages in turn.
    pub agents: usize,
    /// Messages per second before and after.
    pub rate: f64,
    /// Messages per second in the burst.
    pub burst: f64,
    /// The length of the burst.
    pub duration: Duration,
    /// The time in which the rate grows, before the baseline.
    pub ramp_up: Duration,
    /// The time over which the baseline is measured, before the burst.
    pub baseline: Duration,
    /// The time over which the recovery is watched, after the burst.
    pub watch: Duration,
    /// Threads that the agents live on.
    pub shards: usize,
}

/// Windows in which recovery is looked for.
const WINDOW: Duration = Duration::from_millis(100);

/// Loads a program's agents.
///
/// # Errors
/// If an agent does not start or replies something else, or a message is lost.
pub fn burst(program: &Program, load: &Burst, to: &mut dyn Recorder) -> Result<()> {
    let Burst { agents, .. } = *load;
    to.part(program.part("burst", agents, Some(load.burst), load.shards))?;
    if let Some(why) = program.refuses(agents) {
        return to.unavailable(why);
    }
    let mut senders = program.senders(agents, load.shards)?;
    let schedule = Schedule::new(vec![
        Segment::ramp_up(load.rate, load.ramp_up),
        Segment::steady(Phase::Baseline, load.rate, load.baseline),
        Segment::steady(Phase::Burst, load.burst, load.duration),
        Segment::steady(Phase::Recovery, load.rate, load.watch),
    ]);
    senders.drive(schedule, WINDOW, |window| to.window(window))?;
    senders.settle(to)
}
