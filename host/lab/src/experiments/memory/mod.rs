//! Puts an agent under memory limits: a sweep over limits, and the search for the right one.
//!
//! The start and the workload are measured for every agent. The largest allocation, a filled
//! memory, the cost of growth and running out need commands that only agents with the vocabulary of
//! `allocator` understand; for others they are unavailable, with the reason.

mod bisect;
mod figure;
mod found;
mod growth;
mod held;
mod largest;
mod limited_agent;
mod pace;
mod parameters;
mod probe;
mod recovery;
mod show;
mod soak;
mod start;
mod sweep;
mod tune;
mod workload;

pub use figure::Figure;
pub use found::Found;
pub use growth::{Growth, NEXT, Step};
pub use held::{Full, Held, SHARES};
pub use largest::{Allocation, Largest, Outcome};
pub use limited_agent::{LimitedAgent, MOST, PAGE};
pub use pace::Pace;
pub use parameters::Parameters;
pub use recovery::Recovery;
pub use soak::{Curve, Unsettled};
pub use start::{Refused, Start, describe};
pub use sweep::{AtLimit, sweep};
pub use tune::{Search, Tried, Tuned, tune};
pub use workload::{Ran, RanOut};

use super::{Experiment, Given, Plan, Shown};
use crate::Result;
use crate::metrics::Quantity;
use crate::view::View;

/// Measures the effects of memory limits, and finds the limit that a workload needs.
pub struct Memory;

impl Experiment for Memory {
    type Parameters = Parameters;
    type Found = Found;

    const KINDS: &'static [&'static str] = &["memory", "tuning"];
    const QUANTITIES: &'static [&'static Quantity] = show::QUANTITIES;

    fn plan<'a>(parameters: &'a Parameters, given: &'a Given) -> Result<Plan<'a>> {
        parameters.plan(given)
    }

    fn show(parts: &[Shown<Found>], to: &mut View) {
        show::show(parts, to);
    }
}
