//! Measures agents' memory and CPU: once they are there, after messages, after a checkpoint,
//! idle, and at a rate.

mod found;
mod parameters;
mod run;
mod show;

pub use found::{Footprint as Agent, Found, Memory};
pub use parameters::Parameters;

use super::{Experiment, Given, Plan, Shown};
use crate::Result;
use crate::metrics::Quantity;
use crate::view::View;

/// Measures the memory and CPU that agents take.
pub struct Footprint;

impl Experiment for Footprint {
    type Parameters = Parameters;
    type Found = Found;

    const KINDS: &'static [&'static str] = &["footprint"];
    const QUANTITIES: &'static [&'static Quantity] = show::QUANTITIES;

    fn plan<'a>(parameters: &'a Parameters, given: &'a Given) -> Result<Plan<'a>> {
        parameters.plan(given)
    }

    fn show(parts: &[Shown<Found>], to: &mut View) {
        show::show(parts, to);
    }
}
