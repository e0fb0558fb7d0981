//! Measures the rate and the time of an instance's calls, one after another.

use crate::sampling::timing::{count, slice};
use crate::stats::{Distribution, Estimate, median_interval};
use crate::workload::Case;
use sandlab_runtime::{Agent, CallError, Cause};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// The speed at which an instance handles messages.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Pace {
    /// Nanoseconds per message, by slice of the time.
    pub ns: Vec<f64>,
    /// Times of single calls. Reading the clock adds some 25 ns to each.
    pub time: Distribution,
}

/// The time for which single calls are timed.
const TIMED: Duration = Duration::from_millis(60);

/// The shortest time of a slice.
const SLICE: Duration = Duration::from_millis(5);

/// As few as give a median an interval that leaves its outermost samples out.
const SLICES: usize = 9;

impl Pace {
    /// Returns messages per second: the median of the slices with its interval. `None` if there are
    /// too few slices.
    pub fn rate(&self) -> Option<Estimate> {
        let ns = median_interval(&self.ns)?;
        let rate = |ns: f64| 1e9 / ns;
        Some(Estimate { value: rate(ns.value), low: ns.high.map(rate), high: ns.low.map(rate) })
    }
}

/// Times single calls, and then slices of many calls without reading the clock. Each call must
/// bring as many replies as the first.
///
/// # Errors
/// The error of the first call that fails or has another number of replies.
pub fn pace(agent: &mut dyn Agent, case: &Case) -> Result<Pace, CallError> {
    let mut time = Distribution::default();
    let (mut cycles, mut answers) = (0_u32, None);
    let start = Instant::now();
    while cycles == 0 || start.elapsed() < TIMED {
        let mut brought = 0;
        for exchange in &case.exchanges {
            let before = Instant::now();
            let handled = agent.handle(&exchange.request)?;
            time.record(before.elapsed().as_nanos() as u64);
            brought += count(&handled);
        }
        require(*answers.get_or_insert(brought), brought)?;
        cycles += 1;
    }
    let a_cycle = start.elapsed().as_secs_f64() / f64::from(cycles);
    let cycles = (SLICE.as_secs_f64() / a_cycle).ceil().clamp(1.0, 1e7) as u32;
    let mut ns = Vec::new();
    for _ in 0..SLICES {
        let slice = slice(agent, case, cycles)?;
        require(answers.unwrap_or(0) * u64::from(cycles), slice.answers)?;
        ns.push(slice.ns);
    }
    Ok(Pace { ns, time })
}

fn require(expected: u64, brought: u64) -> Result<(), Cause> {
    if expected == brought {
        return Ok(());
    }
    Err(Cause::Contract(format!(
        "the same messages brought {expected} answers, and then {brought}"
    )))
}
