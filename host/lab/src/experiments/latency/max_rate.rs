//! The highest rate that the path bears: a ladder of fixed steps, then halves.
//!
//! The steps do not depend on each other, and each starts with nothing on its way. A search
//! that adapts while it runs is known to settle too high, on what a queue still hides, or
//! at nothing, after one stall.

use super::found::{Found, MaxRate, Step};
use crate::record::{Clients, ClosedLoop, Mode, Phase, Tally, Window};
use crate::sampling::closed_loop::throughput_of;
use crate::sampling::fleet::Fleet;
use crate::sampling::open_loop::{Generator, Go, Schedule, Segment, drive};
use crate::sampling::program::Program;
use crate::sampling::recorder::Recorder;
use crate::sampling::repeating::Again;
use crate::sampling::traffic::Conversation;
use crate::{Error, Result};
use sandlab_runtime::messaging::Strategy;
use std::time::Duration;

/// The bounds of the search for the highest rate.
#[derive(Debug, Clone, Copy)]
pub struct Search {
    /// Agents, which get messages in turn.
    pub agents: usize,
    /// The 99th percentile of latency that may not be passed.
    pub p99: Duration,
    /// The length of each step.
    pub step: Duration,
    /// Threads that the agents live on.
    pub shards: usize,
}

/// The share of what is due that has to come back.
const GOODPUT: f64 = 0.99;

/// The ladder, as shares of the capacity.
const LADDER: [f64; 11] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1];

/// To what share of it the rate is narrowed down.
const PRECISION: f64 = 0.05;

/// Searches, each step on the same agents. Every rate of the ladder is tried until two in a
/// row do not hold: a single one may have met a stall of the machine.
///
/// # Errors
/// If an agent does not start or replies something else, or a message is lost.
pub fn max_rate(program: &Program, search: &Search, to: &mut dyn Recorder) -> Result<()> {
    to.part(program.part("max-rate", search.agents, None, search.shards))?;
    if let Some(why) = program.refuses(search.agents) {
        return to.unavailable(why);
    }
    let fleet = program.fleet(search.agents, search.shards)?;
    let capacity = throughput_of(&fleet, &program.traffic, &closed(program, search))?.rate();
    fleet.drain()?;
    let mut generator = program.generator(&fleet);
    let (mut tried, mut again) = (Tried::default(), Again::of(LADDER.len()));
    let mut bears = |rate, to: &mut dyn Recorder| {
        let mut found = step(&fleet, &mut generator, search, rate, to)?;
        // What holds beside other processes holds without them.
        while !found.holds && !to.stopped() && again.take(found.invalid) {
            found = step(&fleet, &mut generator, search, rate, to)?;
        }
        Ok::<_, Error>(found)
    };
    for share in LADDER {
        if to.stopped() || tried.is_over() {
            break;
        }
        tried.add(bears(capacity * share, to)?);
    }
    while let Some(rate) = tried.between() {
        if to.stopped() {
            break;
        }
        tried.add(bears(rate, to)?);
    }
    to.found(&Found::MaxRate(MaxRate {
        capacity,
        highest: tried.highest(),
        too_high: tried.too_high(),
    }))?;
    to.failures(&generator)?;
    to.accounts(&fleet)
}

fn closed(program: &Program, search: &Search) -> ClosedLoop {
    ClosedLoop {
        agents: search.agents,
        size: program.bytes(),
        depth: 256,
        connections: 1,
        clients: Clients::Threads,
        mode: Mode::Ask,
        strategy: Strategy::ByValue,
        duration: search.step,
    }
}

/// The rates that were tried.
#[derive(Default)]
struct Tried(Vec<Step>);

impl Tried {
    fn add(&mut self, step: Step) {
        self.0.push(step);
    }

    fn highest(&self) -> Option<f64> {
        let held = self.0.iter().filter(|step| step.holds);
        held.map(|step| step.rate).max_by(f64::total_cmp)
    }

    fn too_high(&self) -> Option<f64> {
        let highest = self.highest().unwrap_or(0.0);
        let above = self.0.iter().map(|step| step.rate);
        above.filter(|rate| *rate > highest).min_by(f64::total_cmp)
    }

    /// Returns true if the last two steps did not hold.
    fn is_over(&self) -> bool {
        let [.., a, b] = self.0.as_slice() else {
            return false;
        };
        !a.holds && !b.holds
    }

    /// Returns the rate half way between one that holds and one that does not; `None` if the two
    /// are near.
    fn between(&self) -> Option<f64> {
        let (low, high) = (self.highest().unwrap_or(0.0), self.too_high()?);
        let is_wide = high - low > PRECISION * high;
        // Without a rate that holds it ends at a hundredth of the lowest one.
        let is_worth = high > self.0.first()?.rate / 100.0;
        (is_wide && is_worth).then(|| f64::midpoint(low, high))
    }
}

fn step(
    fleet: &Fleet,
    generator: &mut Generator<Conversation>,
    search: &Search,
    rate: f64,
    to: &mut dyn Recorder,
) -> Result<Step> {
    let segment = Segment::steady(Phase::Steady, rate, search.step);
    let mut whole = Window::new(Phase::Steady, 0);
    let (mut backlogs, mut on_time) = (Vec::new(), 0);
    let (mut tally, mut disturbed) = (Tally::default(), None);
    let longest = search.step / EIGHTHS;
    drive(generator, Schedule::new(vec![segment]), longest, |window| {
        if backlogs.len() < EIGHTHS as usize {
            on_time += window.good;
            backlogs.push(window.backlog);
            tally.add(window.invalid);
            disturbed = disturbed.or(window.invalid);
        }
        whole.absorb(&window);
        Ok(if to.stopped() { Go::Stop } else { Go::On })
    })?;
    fleet.drain()?;
    let p99 = whole.latency.quantile(0.99);
    let goodput = on_time as f64 / whole.due.max(1) as f64;
    let is_growing = is_growing(&backlogs, rate);
    let is_fast = p99.is_some_and(|p99| p99 <= search.p99.as_nanos() as f64);
    let step = Step {
        rate,
        goodput,
        p99,
        is_growing,
        holds: goodput >= GOODPUT && is_fast && !is_growing,
        invalid: disturbed.filter(|_| !tally.is_enough()),
    };
    to.found(&Found::Step(step))?;
    Ok(step)
}

/// Windows that a step is cut into.
const EIGHTHS: u32 = 8;

/// Returns true if the backlog of the second half was always above that of the first, by more than
/// the messages due in a millisecond.
fn is_growing(backlogs: &[u64], rate: f64) -> bool {
    let (first, second) = backlogs.split_at(backlogs.len() / 2);
    let most = first.iter().max().copied().unwrap_or(0);
    let least = second.iter().min().copied().unwrap_or(0);
    least as f64 > most as f64 + rate / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(bears: impl Fn(f64) -> bool) -> Tried {
        let mut tried = Tried::default();
        let step = |rate| Step {
            rate,
            goodput: 1.0,
            p99: None,
            is_growing: false,
            holds: bears(rate),
            invalid: None,
        };
        for share in LADDER {
            if !tried.is_over() {
                tried.add(step(share * 1_000.0));
            }
        }
        while let Some(rate) = tried.between() {
            tried.add(step(rate));
        }
        tried
    }

    #[test]
    fn it_is_narrowed_down_to_a_twentieth() {
        let found = search(|rate| rate <= 777.0);
        let (low, high) = (found.highest().unwrap(), found.too_high().unwrap());
        assert!(low <= 777.0 && high > 777.0 && high - low <= 0.05 * high);
    }

    #[test]
    fn one_stall_does_not_end_it() {
        let found = search(|rate| rate <= 777.0 && (rate - 300.0).abs() > 1.0);
        assert!(found.highest().unwrap() > 700.0, "{:?}", found.highest());
    }

    #[test]
    fn it_ends_where_nothing_or_everything_holds() {
        let nothing = search(|_| false);
        assert_eq!(nothing.highest(), None);
        let everything = search(|_| true);
        assert_eq!(everything.highest(), Some(1_100.0));
        assert_eq!(everything.too_high(), None);
    }

    #[test]
    fn a_backlog_that_comes_and_goes_does_not_grow() {
        assert!(!is_growing(&[5, 900, 3, 4, 6, 2, 900, 5], 1e5));
        assert!(is_growing(&[0, 500, 1_000, 1_500, 2_000, 2_500, 3_000, 3_500], 1e5));
    }
}
