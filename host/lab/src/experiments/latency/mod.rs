//! Measures latency at a rate, and searches for the highest rate that the path bears.

mod found;
mod max_rate;
mod parameters;
mod show;

pub use found::{Found, MaxRate, Step};
pub use max_rate::{Search, max_rate};
pub use parameters::Parameters;

use super::{Experiment, Given, Plan, Shown};
use crate::Result;
use crate::metrics::Quantity;
use crate::view::View;

/// Measures latency at a given rate, in an open loop, or searches for the highest rate.
pub struct Latency;

impl Experiment for Latency {
    type Parameters = Parameters;
    type Found = Found;

    const KINDS: &'static [&'static str] = &["latency", "max-rate"];
    const QUANTITIES: &'static [&'static Quantity] = show::QUANTITIES;
    const TARGETS: &'static str = include_str!("targets.toml");

    fn plan<'a>(parameters: &'a Parameters, given: &'a Given) -> Result<Plan<'a>> {
        parameters.plan(given)
    }

    fn show(parts: &[Shown<Found>], to: &mut View) {
        show::show(parts, to);
    }
}
