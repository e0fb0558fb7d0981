//! The messages of a host's agents in production, as `sandlab serve --store` records them.

mod found;
mod keep;
mod show;

pub use found::Found;
pub use keep::Keeper;

use super::{Experiment, Given, Plan, Shown};
use crate::view::View;
use crate::{Error, Result};

/// Shows the records of a host. Measures nothing: `sandlab serve` does while it runs.
pub struct Production;

/// The kind of its one part.
const KIND: &str = "production";

/// A host has a configuration, and no parameters.
#[derive(Debug, clap::Args)]
pub struct Parameters {}

impl Experiment for Production {
    type Parameters = Parameters;
    type Found = Found;

    const KINDS: &'static [&'static str] = &[KIND];

    fn plan<'a>(_: &'a Parameters, _: &'a Given) -> Result<Plan<'a>> {
        Err(Error::Usage("run `sandlab serve --store FILE` to keep what a host does".to_owned()))
    }

    fn show(parts: &[Shown<Found>], to: &mut View) {
        show::show(parts, to);
    }
}
