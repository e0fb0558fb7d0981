//! Whether guests are what they must be, before anybody runs them.
//!
//! A guest goes through [stages](Stage) in their order. Each is a file here, which asks
//! some questions and returns [checks](Check) with their findings; [`Code`] has what may be
//! found, [`policy`] what a guest is held against. All of it runs in a [process of its own
//! a guest](worker), which the [parent](supervise) can stop: a guest may be made to harm
//! whoever looks at it. What a guest wrote is made [printable](printable()) before it gets
//! into a finding, so that no report has to care.

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
mod load;
mod measure;
mod outline;
pub mod policy;
mod printable;
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
pub use measure::{Measure, Unit};
pub use policy::{Policies, Policy};
pub use printable::printable;
pub use stage::Stage;
pub use target::{Target, find};

use serde::Serialize;

/// The version of a report's fields.
pub const SCHEMA: &str = "sandlab.validation/1";

/// All that was checked.
#[derive(Debug, Serialize)]
pub struct Validation {
    /// The version of these fields.
    pub schema: &'static str,
    /// sandlab's version.
    pub sandlab: &'static str,
    /// The version of wasmtime that compiled and ran the guests.
    pub wasmtime: &'static str,
    /// The worst of the guests.
    pub status: Status,
    /// The guests, in the order that they were given in.
    pub guests: Vec<Guest>,
}

impl Validation {
    /// Of these guests.
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
