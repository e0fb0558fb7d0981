//! Measures the start of an agent, phase by phase, by each method that there is: from a
//! component that nobody has compiled to one agent more of a program that runs, beside what one
//! could take instead of a sandbox.

mod clock;
mod found;
mod hand;
mod managed;
mod others;
mod parameters;
mod run;
mod sandboxed;
mod show;
mod starts;

pub use found::{Found, Method, Phase, Spawned};
pub use parameters::Parameters;
pub use run::MANY;

use super::{Experiment, Given, Plan, Shown};
use crate::Result;
use crate::metrics::Quantity;
use crate::view::View;

/// What stands for a backend where a thread of the system is started.
pub(super) const THREAD: &str = "thread";

/// Measures the time that it takes to start an agent, by phase.
pub struct Spawn;

impl Experiment for Spawn {
    type Parameters = Parameters;
    type Found = Found;

    const KINDS: &'static [&'static str] = &["spawn"];
    const QUANTITIES: &'static [&'static Quantity] = show::QUANTITIES;
    const TARGETS: &'static str = include_str!("targets.toml");

    fn plan<'a>(parameters: &'a Parameters, given: &'a Given) -> Result<Plan<'a>> {
        parameters.plan(given)
    }

    fn show(parts: &[Shown<Found>], to: &mut View) {
        show::show(parts, to);
    }
}
