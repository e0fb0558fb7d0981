//! Plans how many agents this machine holds, in each layout: predicted from a few, and on request
//! verified with all.

mod advice;
mod density_probe;
mod fill;
mod found;
mod machine;
mod open_files;
mod parameters;
mod predict;
mod run;
mod show;

pub use advice::{Advice, layout};
pub use density_probe::DensityProbe;
pub use fill::{Fill, Filled, Reading, fill};
pub use found::Found;
pub use machine::Machine;
pub use open_files::OpenFiles;
pub use parameters::Parameters;
pub use predict::{Bound, Capacity, Cost, Verified};
pub use run::{MOST_VERIFIED, PlanRequest, TOLERANCE};

use super::{Experiment, Given, Plan, Shown};
use crate::Result;
use crate::metrics::Quantity;
use crate::view::View;

/// The kind of its parts.
pub const KIND: &str = "plan";

/// Plans how many agents a machine holds, and verifies it.
pub struct Density;

impl Experiment for Density {
    type Parameters = Parameters;
    type Found = Found;

    const KINDS: &'static [&'static str] = &[KIND];
    const QUANTITIES: &'static [&'static Quantity] = show::QUANTITIES;

    fn plan<'a>(parameters: &'a Parameters, given: &'a Given) -> Result<Plan<'a>> {
        parameters.plan(given)
    }

    fn show(parts: &[Shown<Found>], to: &mut View) {
        show::show(parts, to);
    }
}
