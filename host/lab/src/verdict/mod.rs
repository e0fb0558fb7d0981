//! What measurements mean: grades, leaks, changes over time, recovery, regressions.

mod burst;
mod changes;
mod degradation;
pub mod gate;
mod leak;
mod measures;
mod objections;
mod plan;
mod targets;

pub use burst::{Recovered, recovered};
pub use changes::{Change, Moved, changes};
pub use degradation::{Degradation, degradation};
pub use leak::{Leak, leaks};
pub use measures::{Measure, TOPICS, Topic, Unit, measures};
pub use objections::objections;
pub use targets::{Grade, Graded, Metric, Targets, grade};
