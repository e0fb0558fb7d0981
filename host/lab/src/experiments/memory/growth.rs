//! Measures the cost of growing memory, and the pace just after.

use crate::Result;
use crate::experiments::memory::figure::Figure;
use crate::experiments::memory::limited_agent::{LimitedAgent, PAGE};
use crate::experiments::memory::pace::Pace;
use crate::experiments::memory::probe::Probe;
use crate::stats::Distribution;
use sandlab_runtime::{Backend, CallError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The growths that are timed, pages: the least, a megabyte, 16 of them.
const STEPS: [u64; 3] = [1, 16, 256];

/// Samples of each growth, each in a new pool: a used slot keeps up to `keep-resident` of its
/// pages, so that growth causes no page faults there (16 pages with their first writes: 27 µs in a
/// used slot, some 350 µs in a new one).
const SAMPLES: usize = 31;

/// Times to grow linear memory.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Growth {
    /// By step; those that do not fit under the limit are left out.
    pub steps: Vec<Step>,
    /// The messages right after a growth, up to the [`NEXT`]th.
    pub just_after: Figure<Pace>,
}

/// Growths by a number of pages.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// Pages by which memory grew per step, as the limiter counted.
    pub pages: u64,
    /// Time of `memory.grow` alone, nanoseconds: an allocation that grows memory, less the same
    /// allocation when it does not.
    pub grow_ns: Vec<f64>,
    /// Time with the first write to each of the pages, nanoseconds.
    pub touched_ns: Vec<f64>,
}

/// Times the steps, and the messages right after a growth.
///
/// # Errors
/// If an instance does not start, or fails before it is at its limit.
pub fn growth(tested: &LimitedAgent, limit: u64) -> Result<Growth> {
    let failed = |error: CallError| tested.failed("while it grew", error);
    let backend = tested.under(limit)?;
    let probe = Probe::start(backend.as_ref()).map_err(|fault| failed(fault.into()))?;
    let ready = probe.usage().memory.unwrap_or(0);
    drop(probe);
    // One page more than is asked for: an allocator may round up.
    let room = limit.saturating_sub(ready) / PAGE;
    let mut steps = Vec::new();
    for pages in STEPS.into_iter().filter(|pages| *pages < room) {
        let bytes = pages * PAGE;
        let mut step = Step { pages, grow_ns: Vec::new(), touched_ns: Vec::new() };
        for _ in 0..SAMPLES {
            let more = |command: &str| {
                let backend = tested.under(limit)?;
                let command = format!("{command} {bytes}");
                first_against_second(backend.as_ref(), &command).map_err(failed)
            };
            let (grown, ns) = more("try-allocate")?;
            step.pages = grown;
            step.grow_ns.push(ns);
            step.touched_ns.push(more("touch")?.1);
        }
        steps.push(step);
    }
    Ok(Growth { steps, just_after: just_after(backend.as_ref(), room).map_err(failed)? })
}

/// Returns by how many pages memory grew the first time that a command was handled, and by how many
/// nanoseconds that took longer than the second time.
fn first_against_second(backend: &dyn Backend, command: &str) -> Result<(u64, f64), CallError> {
    let mut probe = Probe::start(backend)?;
    probe.tell("status")?;
    let before = probe.usage().memory;
    let first = probe.timed(command)?;
    let after = probe.usage().memory;
    let second = probe.timed(command)?;
    let grown = after.zip(before).map_or(0, |(after, before)| after - before);
    Ok((grown / PAGE, first.as_nanos() as f64 - second.as_nanos() as f64))
}

/// Messages after a growth that count as just after it.
pub const NEXT: usize = 20;

/// Growths after which that is timed.
const GROWTHS: u64 = 100;

/// As few as give a median an interval.
const FEWEST: usize = 6;

fn just_after(backend: &dyn Backend, room: u64) -> Result<Figure<Pace>, CallError> {
    let mut probe = Probe::start(backend)?;
    let mut pace = Pace { ns: Vec::new(), time: Distribution::default() };
    for _ in 0..GROWTHS.min(room.saturating_sub(1)) {
        let before = probe.usage().memory;
        probe.tell(&format!("retain {PAGE}"))?;
        if probe.usage().memory <= before {
            continue;
        }
        let mut sum = 0;
        for _ in 0..NEXT {
            let ns = probe.timed("touch 1024")?.as_nanos() as u64;
            pace.time.record(ns);
            sum += ns;
        }
        pace.ns.push(sum as f64 / NEXT as f64);
    }
    if pace.ns.len() < FEWEST {
        return Ok(Figure::unavailable(format!(
            "there is room for {} growths under the limit, and it takes {FEWEST}",
            pace.ns.len()
        )));
    }
    Ok(Figure::Measured(pace))
}
