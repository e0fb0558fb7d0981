//! A rate for a long time, in equal cycles with a rest after each, at which everything that
//! is left can be counted exactly: what grows from rest to rest is a leak.

use crate::Result;
use crate::experiments::load::{Program, echoing, interval_of};
use crate::experiments::record::{Experiment, Finding, Recorder};
use crate::record::Entry;
use crate::record::Phase;
use crate::sampling::open_loop::{Go, Schedule, Segment, drive};
use crate::sampling::process_memory::heap;
use sandlab_runtime::messaging::{Census, MailboxLimits};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// A rate for a long time.
#[derive(Debug, Clone, Copy)]
pub struct Sustained {
    /// Agents, which get messages in turn.
    pub agents: usize,
    /// The content of each message, bytes; at least 8.
    pub size: usize,
    /// Messages a second.
    pub rate: f64,
    /// How long to measure, all cycles together.
    pub duration: Duration,
    /// How long the rate grows before the first cycle.
    pub ramp_up: Duration,
    /// Into how many cycles the time is cut.
    pub cycles: u32,
    /// Threads that the agents live on.
    pub shards: usize,
}

/// What was left at rest.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
pub struct Cycle {
    /// Messages that had been sent until then.
    pub messages: u64,
    /// What the allocator had handed out, bytes; none where it does not say.
    pub heap: Option<u64>,
    /// What lived on the path.
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    pub census: Census,
}

/// Loads a program's agents.
///
/// # Errors
/// If an agent does not start or echoes something else, or a message is lost.
pub fn sustained(program: &Program, load: &Sustained, to: &mut dyn Recorder) -> Result<()> {
    let part = program.part(
        Experiment::Sustained,
        load.agents,
        load.size,
        Some(load.rate),
        load.shards,
    );
    to.record(Entry::Part(part))?;
    if let Some(why) = program.refuses(load.agents) {
        return to.finding(Finding::Unavailable { why });
    }
    let fleet = program.fleet(load.agents, load.shards)?;
    let mut generator = echoing(&fleet, load.size);
    let length = load.duration / load.cycles;
    let steady = Segment::steady(Phase::Steady, load.rate, length);
    let ramp_up = Segment::ramp_up(load.rate, load.ramp_up);
    let before = [fill(load.agents), ramp_up];
    // At least four intervals a cycle, so that even a short run has a trend.
    let longest = interval_of(load.duration).min(length / 4);
    let mut messages = 0;
    let segments = before.into_iter().chain((0..load.cycles).map(|_| steady));
    for segment in segments {
        let mut went = Go::On;
        drive(
            &mut generator,
            Schedule::new(vec![segment]),
            longest,
            |interval| {
                messages += interval.sent;
                went = to.interval(interval)?;
                Ok(went)
            },
        )?;
        if went == Go::Stop {
            break;
        }
        fleet.drain()?;
        if segment.phase == Phase::Steady {
            to.finding(Finding::Cycle(Cycle {
                messages,
                heap: heap(),
                census: fleet.runtime.census(),
            }))?;
        }
    }
    to.accounts(&fleet)
}

/// Twice what all mailboxes hold, at once: so that no buffer has to grow later, at some
/// stall, which would look like a leak.
fn fill(agents: usize) -> Segment {
    let moment = Duration::from_millis(1);
    let messages = 2 * agents * MailboxLimits::default().messages as usize;
    let rate = messages as f64 / moment.as_secs_f64();
    Segment::steady(Phase::RampUp, rate, moment)
}
