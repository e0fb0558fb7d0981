//! A flamegraph as data: stacks, and those of an earlier build.

use crate::metrics::Topic;

/// Stacks that are drawn one upon another, each as wide as its share of the samples.
#[derive(Debug, Clone)]
pub struct Flamegraph {
    /// The section of a report that shows it.
    pub topic: Topic,
    /// A line on the subject of the graph.
    pub caption: String,
    /// Each stack, its functions from the outermost with `;` between them, and its samples.
    pub stacks: Vec<(String, u64)>,
    /// The stacks of the same messages in the old build, in samples of the same length: the graph
    /// then shows which functions have grown or shrunk. `None` for a single build.
    pub before: Option<Vec<(String, u64)>>,
    /// The time between two samples, nanoseconds.
    pub interval_ns: u64,
}
