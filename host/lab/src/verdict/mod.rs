//! Verdicts on metrics: grades by targets, changes against a baseline, and the gate. Independent of
//! experiments.

mod changes;
pub mod gate;
pub mod objectives;
mod targets;

pub use changes::{Change, changes, speed};
pub use gate::{Policy, Verdict};
pub use targets::{Bounds, Grade, Graded, Known, NotJudged, TARGETS, Targets, TargetsFile};
