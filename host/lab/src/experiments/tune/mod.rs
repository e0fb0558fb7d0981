//! Tuning: recommends settings of wasmtime for one component, its workload and this machine.
//!
//! A full grid of 18 settings has 262,144 cells. Instead, one setting is changed at a time (Daniel
//! 1973, "One-at-a-time plans", Journal of the American Statistical Association 68), from the
//! user's sandbox config, in three stages, each on fresh samples:
//!
//! ```text
//! screen   every setting alone │ beside the default, in the same rounds
//! confirm  the best few per goal, alone │ tested; Holm's correction over all tests of all goals
//! verify   what was confirmed of a goal, together │ predicted against measured
//! ```
//!
//! A fractional design (Plackett and Burman 1946) would need fewer runs per effect, but its effects
//! are means over the other settings, and here one setting hides another: without signals, a guard
//! page has no effect. Nor can all settings be combined: the layout `packed` decides three others.
//! A recommendation needs the effect of a setting in the user's config, and the settings of a goal
//! are measured together before they are recommended.

mod decide;
mod design;
mod found;
mod goal;
mod lines;
mod measure;
mod parameters;
mod recommend;
mod rounds;
mod rust;
mod settings;
mod show;
mod side;

pub use found::{Effect, Found, Recommended, Stage, Swept};
pub use goal::{Goal, Measure};
pub use parameters::Parameters;

use super::{Experiment, Given, Plan, Shown};
use crate::Result;
use crate::metrics::Quantity;
use crate::view::View;

/// Measures the effects of the engine's settings, and recommends some.
pub struct Tune;

impl Experiment for Tune {
    type Parameters = Parameters;
    type Found = Found;

    const KINDS: &'static [&'static str] = &["tune"];
    const QUANTITIES: &'static [&'static Quantity] = show::QUANTITIES;

    fn plan<'a>(parameters: &'a Parameters, given: &'a Given) -> Result<Plan<'a>> {
        parameters.plan(given)
    }

    fn show(parts: &[Shown<Found>], to: &mut View) {
        show::show(parts, to);
    }
}
