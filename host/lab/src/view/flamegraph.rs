//! A flamegraph as data: stacks, and what they are held against.

use crate::metrics::Topic;

/// Stacks that are drawn one upon another, as wide as they were met often.
#[derive(Debug, Clone)]
pub struct Flamegraph {
    /// The section of a report that shows it.
    pub topic: Topic,
    /// What it is of, in a line.
    pub caption: String,
    /// Each stack, its functions from the outermost with `;` between them, and its samples.
    pub stacks: Vec<(String, u64)>,
    /// What the same messages took before, in samples of the same length: the graph then shows what
    /// has grown and what has shrunk. `None` of one that is drawn by itself.
    pub before: Option<Vec<(String, u64)>>,
    /// The time between two samples, nanoseconds.
    pub interval_ns: u64,
}
