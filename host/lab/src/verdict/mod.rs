//! What measurements mean: grades, leaks, changes over time, recovery.

mod burst;
mod degradation;
mod leak;
mod objections;
mod plan;
mod targets;

pub use burst::{Recovered, recovered};
pub use degradation::{Degradation, degradation};
pub use leak::{Leak, leaks};
pub use objections::objections;
pub use targets::{Grade, Graded, Metric, Targets, grade};
