//! Validation of guests before they are deployed.
//!
//! A guest passes through [stages](Stage) in their order. Each stage is a file here and returns
//! [checks](Check) with their findings; [`Code`] lists the kinds of findings, [`policy`] is what a
//! guest is held against. Each guest is checked in a [process of its own](worker), which the
//! [parent](supervise) can stop, since the guest may be hostile. Text of a guest is made
//! [printable](mod@crate::printable) before it enters a finding, so that reports need no escaping for it.

mod baseline;
mod budget;
mod call;
mod capabilities;
mod code;
mod conformance;
mod examine;
mod finding;
mod format;
mod hygiene;
mod language;
mod load;
mod measure;
mod outline;
pub mod policy;
mod sections;
mod soak;
mod spawn;
mod stage;
mod statics;
pub mod supervise;
mod target;
pub mod worker;
mod world;

pub use baseline::Baseline;
pub use code::{Code, Severity};
pub use examine::examine;
pub use finding::{About, Check, Finding, Guest, Metric, StageReport, Status};
pub use measure::{Measure, QUANTITIES};
pub(crate) use outline::Outline;
pub use policy::{Overrides, Policies, Policy, PolicyFile};
pub use stage::Stage;
pub use target::{Place, Reference, Target, find, places, twin};
pub use world::World;

use serde::Serialize;

/// The version of the report's format.
pub const SCHEMA: &str = "sandlab.validation/1";

/// The report on all guests.
#[derive(Debug, Serialize)]
pub struct Validation {
    /// The version of the report's format.
    pub schema: &'static str,
    /// sandlab's version.
    pub sandlab: &'static str,
    /// The version of wasmtime that compiled and ran the guests.
    pub wasmtime: &'static str,
    /// The worst status of the guests.
    pub status: Status,
    /// The guests, in the order of the command line.
    pub guests: Vec<Guest>,
}

impl Validation {
    /// Creates the report on these guests.
    pub fn of(guests: Vec<Guest>) -> Self {
        let worst = guests.iter().map(|guest| guest.status).max();
        Self {
            schema: SCHEMA,
            sandlab: env!("CARGO_PKG_VERSION"),
            wasmtime: sandlab_runtime::wasm::WASMTIME_VERSION,
            status: worst.unwrap_or(Status::Pass),
            guests,
        }
    }
}
