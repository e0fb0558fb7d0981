//! Profiles of the guest: its functions, sampled while it works. Other commands measure them beside
//! their own results: `compare --flamegraph`, `footprint --guest`, and `gate` once a build is
//! slower.

mod found;
mod growth;
mod measure;
mod show;

pub use found::{Found, Stacks};
pub use growth::growths;
pub use measure::{Inside, builds};

use super::{Experiment, Given, Plan, Shown};
use crate::metrics::Quantity;
use crate::view::View;
use crate::{Error, Result};

/// The functions that a guest's time goes to.
pub struct Flamegraph;

/// Names the parts of a run that have samples.
const KIND: &str = "flamegraph";

/// It is measured by the way, and has no parameters of its own.
#[derive(Debug, clap::Args)]
pub struct Parameters {}

impl Experiment for Flamegraph {
    type Parameters = Parameters;
    type Found = Found;

    const KINDS: &'static [&'static str] = &[KIND];
    const QUANTITIES: &'static [&'static Quantity] = show::QUANTITIES;

    fn plan<'a>(_: &'a Parameters, _: &'a Given) -> Result<Plan<'a>> {
        Err(Error::Usage("run `sandlab compare --flamegraph` to see inside a guest".to_owned()))
    }

    fn show(parts: &[Shown<Found>], to: &mut View) {
        show::show(parts, to);
    }
}
