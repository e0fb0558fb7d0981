//! The cost of idle agents: CPU of the whole process per second.

mod found;
mod parameters;
mod run;
mod show;

pub use found::Found;
pub use parameters::Parameters;

use super::{Experiment, Given, Plan, Shown};
use crate::Result;
use crate::metrics::Quantity;
use crate::view::View;

/// Measures the CPU time and memory that idle agents cost.
pub struct Idle;

impl Experiment for Idle {
    type Parameters = Parameters;
    type Found = Found;

    const KINDS: &'static [&'static str] = &["idle"];
    const QUANTITIES: &'static [&'static Quantity] = show::QUANTITIES;
    const TARGETS: &'static str = include_str!("targets.toml");

    fn plan<'a>(parameters: &'a Parameters, given: &'a Given) -> Result<Plan<'a>> {
        parameters.plan(given)
    }

    fn show(parts: &[Shown<Found>], to: &mut View) {
        show::show(parts, to);
    }
}
