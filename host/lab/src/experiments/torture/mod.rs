//! Every attack of the hostile guests, beside good agents at work.

mod found;
mod parameters;
mod run;
mod show;

pub use found::{AttackStats, Found, StressReport};
pub use parameters::Parameters;
pub use run::{Torture as Stress, torture};

use super::{Experiment, Given, Plan, Shown};
use crate::Result;
use crate::metrics::Quantity;
use crate::view::View;

/// Hostile guests beside good agents.
pub struct Torture;

impl Experiment for Torture {
    type Parameters = Parameters;
    type Found = Found;

    const KINDS: &'static [&'static str] = &["torture"];
    const QUANTITIES: &'static [&'static Quantity] = show::QUANTITIES;

    fn plan<'a>(parameters: &'a Parameters, given: &'a Given) -> Result<Plan<'a>> {
        parameters.plan(given)
    }

    fn show(parts: &[Shown<Found>], to: &mut View) {
        show::show(parts, to);
    }
}
