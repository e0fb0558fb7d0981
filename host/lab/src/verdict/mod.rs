//! What measurements mean: grades, leaks, changes over time, recovery, regressions.

mod burst;
mod degradation;
pub mod gate;
mod leak;
mod objections;
mod plan;
mod targets;

pub use burst::{Recovered, recovered};
pub use degradation::{Degradation, degradation};
pub use leak::{Leak, leaks};
pub use objections::objections;
pub use targets::{Grade, Graded, Metric, Targets, grade};
