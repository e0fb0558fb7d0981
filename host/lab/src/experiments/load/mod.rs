//! Loads that a machine must bear: a peak, a long time, and a burst.

mod burst;
mod degradation;
mod found;
mod leak;
mod parameters;
mod recovered;
mod show;
mod sustained;

pub use burst::{Burst, burst};
pub use found::{Cycle, Found, Process};
pub use parameters::Parameters;
pub use sustained::{Sustained, sustained};

use super::{Experiment, Given, Plan, Resumed, Shown};
use crate::Result;
use crate::metrics::Quantity;
use crate::view::View;

/// Loads that a machine must bear.
pub struct Load;

impl Experiment for Load {
    type Parameters = Parameters;
    type Found = Found;

    const KINDS: &'static [&'static str] = &["peak", "sustained", "burst"];
    const QUANTITIES: &'static [&'static Quantity] = show::QUANTITIES;

    fn plan<'a>(parameters: &'a Parameters, given: &'a Given) -> Result<Plan<'a>> {
        parameters.plan(given)
    }

    fn resumes(parameters: &Parameters) -> Option<Resumed<'_>> {
        parameters.resumes()
    }

    fn show(parts: &[Shown<Found>], to: &mut View) {
        show::show(parts, to);
    }
}
