//! A rate for a long time, in equal cycles with a rest after each. At a rest all live objects can
//! be counted exactly: growth from rest to rest is a leak.

use super::found::{Cycle, Found, Process};
use crate::Result;
use crate::record::{Finding, Phase, RunPart, Window};
use crate::sampling::open_loop::{Go, Schedule, Segment};
use crate::sampling::process_memory::heap;
use crate::sampling::program::{Program, window_of};
use crate::sampling::recorder::Recorder;
use jiff::Timestamp;
use sandlab_runtime::messaging::MailboxLimits;
use std::iter;
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

/// Loads a program's agents; in a resumed run, for the remaining time.
///
/// # Errors
/// If an agent does not start or gives a wrong reply, or a message is lost.
pub fn sustained(program: &Program, load: &Sustained, to: &mut dyn Recorder) -> Result<()> {
    let Sustained { agents, .. } = *load;
    let part = program.part("sustained", agents, Some(load.rate), load.shards);
    let before = to.resumable(part)?;
    if before.as_ref().is_some_and(|before| before.unavailable().is_some()) {
        return Ok(());
    }
    let before = before.map(|before| Before::of(&before)).unwrap_or_default();
    let rest = load.duration.saturating_sub(before.loaded);
    if rest.is_zero() {
        return Ok(());
    }
    if let Some(why) = program.refuses(agents) {
        return to.unavailable(why);
    }
    let mut senders = program.senders(agents, load.shards)?;
    let started = Timestamp::now();
    let gap = before.gap(started);
    let from_ns = gap.as_ref().map_or(0, |gap| gap.end_ns);
    if let Some(gap) = gap {
        to.window(gap)?;
    }
    to.found(&Found::Process(Process { started }))?;
    let length = load.duration / load.cycles;
    // At least four windows per cycle, so that even a short run has a trend.
    let longest = window_of(load.duration).min(length / 4);
    let mut messages = before.messages;
    let fill = Some(fill(agents)).filter(|_| program.is_sent_from_here());
    let warm = fill.into_iter().chain([Segment::ramp_up(load.rate, load.ramp_up)]);
    let steady = cycles(rest, length).map(|time| Segment::steady(Phase::Steady, load.rate, time));
    for segment in warm.chain(steady) {
        let schedule = Schedule::new(vec![segment]);
        let went = senders.drive(schedule, longest, |mut window| {
            messages += window.sent;
            window.start_ns += from_ns;
            window.end_ns += from_ns;
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

/// Returns the lengths of the cycles of the remaining time. The remainder of an interrupted cycle
/// comes first, so that the cycles that are searched for a leak are equal.
fn cycles(rest: Duration, length: Duration) -> impl Iterator<Item = Duration> {
    let whole = rest.as_nanos() / length.as_nanos();
    let begun = Duration::from_nanos_u128(rest.as_nanos() % length.as_nanos());
    iter::once(begun).filter(|begun| !begun.is_zero()).chain(iter::repeat_n(length, whole as usize))
}

/// The share of the load that earlier processes of a run did.
#[derive(Debug, Default)]
struct Before {
    /// The time under the steady rate.
    loaded: Duration,
    /// Messages that were sent.
    messages: u64,
    /// The end of the last window, nanoseconds after the part's start.
    ends_ns: u64,
    /// The start of the part; `None` if no process started its agents.
    started: Option<Timestamp>,
}

impl Before {
    fn of(part: &RunPart) -> Self {
        // What comes back after the last message of a cycle is no load.
        let loaded = part.points(Phase::Steady).filter(|point| point.due > 0);
        let found = part.findings.iter().filter_map(Finding::read);
        Self {
            loaded: Duration::from_secs_f64(loaded.map(|point| point.seconds).sum()),
            messages: part.phases.iter().map(|phase| phase.sent).sum(),
            ends_ns: part.series.last().map_or(0, |last| (last.at * 1e9) as u64),
            started: found.into_iter().find_map(|found| match found {
                Found::Process(process) => Some(process.started),
                Found::Cycle(_) => None,
            }),
        }
    }

    /// Returns the window since the last one, in which no message was sent; `None` if there is no
    /// earlier window.
    fn gap(&self, now: Timestamp) -> Option<Window> {
        let since_ns = now.duration_since(self.started?).as_nanos();
        let until_ns = u64::try_from(since_ns).unwrap_or(0).max(self.ends_ns);
        let gap = Window::new(Phase::Interrupted, self.ends_ns);
        Some(Window { end_ns: until_ns, ..gap })
    }
}

/// Returns a load of twice the capacity of all mailboxes, at once: otherwise a buffer could grow
/// later, in a stall, and look like a leak.
fn fill(agents: usize) -> Segment {
    let moment = Duration::from_millis(1);
    let messages = 2 * agents * MailboxLimits::default().messages as usize;
    let rate = messages as f64 / moment.as_secs_f64();
    Segment::steady(Phase::RampUp, rate, moment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_a_cycle_comes_before_whole_ones() {
        let seconds = Duration::from_secs;
        let all = |rest| cycles(seconds(rest), seconds(10)).collect::<Vec<_>>();
        assert_eq!(all(20), [seconds(10); 2]);
        assert_eq!(all(27), [seconds(7), seconds(10), seconds(10)]);
        assert_eq!(all(4), [seconds(4)]);
    }
}
