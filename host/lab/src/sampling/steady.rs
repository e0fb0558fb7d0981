//! A steady rate after a ramp-up: an open loop that more than one experiment runs.

use super::open_loop::{Schedule, Segment};
use super::program::{Program, window_of};
use super::recorder::Recorder;
use super::repeating::Repeats;
use super::response::response;
use crate::Result;
use crate::record::{Phase, Shared};
use std::time::Duration;

/// One rate.
#[derive(Debug, Clone, Copy)]
pub struct Steady {
    /// The kind of the part that it is measured as.
    pub kind: &'static str,
    /// Agents, which get messages in turn.
    pub agents: usize,
    /// Messages per second.
    pub rate: f64,
    /// The time that is measured.
    pub duration: Duration,
    /// The time in which the rate grows from nothing, before that.
    pub ramp_up: Duration,
    /// Threads that the agents live on.
    pub shards: usize,
}

/// Loads a program's agents at one rate. Windows that do not count are repeated, as far as the
/// budget goes.
///
/// # Errors
/// If an agent does not start or replies something else, or a message is lost.
pub fn steady(program: &Program, load: &Steady, to: &mut dyn Recorder) -> Result<()> {
    let Steady { agents, .. } = *load;
    to.part(program.part(load.kind, agents, Some(load.rate), load.shards))?;
    if let Some(why) = program.refuses(agents) {
        return to.unavailable(why);
    }
    if program.is_sent_from_here()
        && let Some(time) = response(program)?
    {
        to.found(&Shared::Response { time })?;
    }
    let mut senders = program.senders(agents, load.shards)?;
    let longest = window_of(load.duration);
    let mut repeats = Repeats::of(load.duration);
    let mut segments = vec![Segment::ramp_up(load.rate, load.ramp_up)];
    // What is missing with a worker would be missing again.
    while let Some(length) = repeats.next(longest).filter(|_| !to.stopped() && senders.is_whole()) {
        segments.push(Segment::steady(Phase::Steady, load.rate, length));
        let schedule = Schedule::new(std::mem::take(&mut segments));
        senders.drive(schedule, longest, |window| {
            if window.phase == Phase::Steady {
                repeats.count(window.seconds(), window.invalid);
            }
            to.window(window)
        })?;
    }
    repeats.note(&program.part(load.kind, agents, None, 1).name(), load.duration, to)?;
    senders.settle(to)
}
