//! Agents that fault under load: how soon they are back, and what the others feel of it.

mod found;
mod parameters;
mod run;
mod show;

pub use found::{Found, Recoveries};
pub use parameters::Parameters;
pub use run::{Faulting, Trap, recovery};

use super::{Experiment, Given, Plan, Shown};
use crate::Result;
use crate::metrics::Quantity;
use crate::view::View;

/// Agents that fault under load.
pub struct Recovery;

impl Experiment for Recovery {
    type Parameters = Parameters;
    type Found = Found;

    const KINDS: &'static [&'static str] = &["recovery"];
    const QUANTITIES: &'static [&'static Quantity] = show::QUANTITIES;

    fn plan<'a>(parameters: &'a Parameters, given: &'a Given) -> Result<Plan<'a>> {
        parameters.plan(given)
    }

    fn show(parts: &[Shown<Found>], to: &mut View) {
        show::show(parts, to);
    }
}
