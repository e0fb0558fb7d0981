//! Measures messages per second through the whole path, with a stated number in flight.

mod parameters;
mod run;
mod show;

pub use parameters::Parameters;
pub use run::throughput;

use super::{Experiment, Given, Plan, Shown};
use crate::Result;
use crate::view::View;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Measures messages per second through the whole path, in a closed loop.
pub struct Throughput;

/// Nothing but what any part can find out.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "finding", rename_all = "kebab-case")]
pub enum Found {}

impl Experiment for Throughput {
    type Parameters = Parameters;
    type Found = Found;

    const KINDS: &'static [&'static str] = &["throughput"];

    fn plan<'a>(parameters: &'a Parameters, given: &'a Given) -> Result<Plan<'a>> {
        parameters.plan(given)
    }

    fn show(parts: &[Shown<Found>], to: &mut View) {
        show::show(parts, to);
    }
}
