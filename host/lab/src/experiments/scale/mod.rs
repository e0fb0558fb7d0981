//! Measures the cost of more agents: to start them, in memory, and in throughput.

mod found;
mod parameters;
mod run;
mod show;

pub use found::{Cost, Found};
pub use parameters::Parameters;
pub use run::{Stage, scale};

use super::{Experiment, Given, Plan, Shown};
use crate::Result;
use crate::metrics::Quantity;
use crate::view::View;

/// Measures what more agents cost.
pub struct Scale;

impl Experiment for Scale {
    type Parameters = Parameters;
    type Found = Found;

    const KINDS: &'static [&'static str] = &["scale"];
    const QUANTITIES: &'static [&'static Quantity] = show::QUANTITIES;

    fn plan<'a>(parameters: &'a Parameters, given: &'a Given) -> Result<Plan<'a>> {
        parameters.plan(given)
    }

    fn show(parts: &[Shown<Found>], to: &mut View) {
        show::show(parts, to);
    }
}
