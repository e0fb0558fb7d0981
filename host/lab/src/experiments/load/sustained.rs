//! A rate for a long time, in equal cycles with a rest after each, at which everything that
//! is left can be counted exactly: what grows from rest to rest is a leak.

use super::found::{Cycle, Found};
use crate::Result;
use crate::record::Phase;
use crate::sampling::open_loop::{Go, Schedule, Segment};
use crate::sampling::process_memory::heap;
use crate::sampling::program::{Program, window_of};
use crate::sampling::recorder::Recorder;
use sandlab_runtime::messaging::MailboxLimits;
use std::time::Duration;

/// A rate for a long time.
#[derive(Debug, Clone, Copy)]
pub struct Sustained {
    /// Agents, which get messages in turn.
    pub agents: usize,
    /// Messages per second.
    pub rate: f64,
    /// The time that is measured, all cycles together.
    pub duration: Duration,
    /// The time in which the rate grows, before the first cycle.
    pub ramp_up: Duration,
    /// The number of cycles that the time is cut into.
    pub cycles: u32,
    /// Threads that the agents live on.
    pub shards: usize,
}

/// Loads a program's agents.
///
/// # Errors
/// If an agent does not start or replies something else, or a message is lost.
pub fn sustained(program: &Program, load: &Sustained, to: &mut dyn Recorder) -> Result<()> {
    let Sustained { agents, .. } = *load;
    to.part(program.part("sustained", agents, Some(load.rate), load.shards))?;
    if let Some(why) = program.refuses(agents) {
        return to.unavailable(why);
    }
    let mut senders = program.senders(agents, load.shards)?;
    let length = load.duration / load.cycles;
    let steady = Segment::steady(Phase::Steady, load.rate, length);
    let fill = Some(fill(agents)).filter(|_| program.is_sent_from_here());
    let before = fill.into_iter().chain([Segment::ramp_up(load.rate, load.ramp_up)]);
    // At least four windows per cycle, so that even a short run has a trend.
    let longest = window_of(load.duration).min(length / 4);
    let mut messages = 0;
    let segments = before.chain((0..load.cycles).map(|_| steady));
    for segment in segments {
        let schedule = Schedule::new(vec![segment]);
        let went = senders.drive(schedule, longest, |window| {
            messages += window.sent;
            to.window(window)
        })?;
        if went == Go::Stop {
            break;
        }
        // What lives in workers is not the host's, which is elsewhere too.
        if let Some(census) = senders.rest()?.filter(|_| segment.phase == Phase::Steady) {
            to.found(&Found::Cycle(Cycle { messages, heap: heap(), census }))?;
        }
    }
    senders.settle(to)
}

/// Returns a load of twice what all mailboxes hold, at once: so that no buffer has to grow later,
/// at some stall, which would look like a leak.
fn fill(agents: usize) -> Segment {
    let moment = Duration::from_millis(1);
    let messages = 2 * agents * MailboxLimits::default().messages as usize;
    let rate = messages as f64 / moment.as_secs_f64();
    Segment::steady(Phase::RampUp, rate, moment)
}
