//! The share of a worker on another machine.

use super::Window;
use crate::stats::Distribution;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A worker's part in a load.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct WorkerShare {
    /// Its name: the one it was given, or its machine's with its process's number.
    pub name: String,
    /// Its connections, or over NATS requests that could wait.
    pub agents: u32,
    /// Messages that left, but for the ramp-up's.
    pub sent: u64,
    /// Messages that came to a good reply within the deadline.
    pub good: u64,
    /// Messages that came to a good reply after the deadline.
    pub late: u64,
    /// Messages that failed, were refused, or timed out.
    pub failed: u64,
    /// Time from when a message was due until it left: the lag of the worker.
    pub lag: Distribution,
    /// Time from when a message was due until its reply was seen.
    pub latency: Distribution,
    /// The longest time from an order to start until the worker confirmed it, nanoseconds: no two
    /// workers started further apart than the longest of these.
    pub started_within_ns: u64,
    /// The reason why it did not last to the load's end; null if it did.
    pub died: Option<String>,
}

impl WorkerShare {
    /// Returns the share of a worker that has sent nothing yet.
    pub fn new(name: &str, agents: u32) -> Self {
        Self {
            name: name.to_owned(),
            agents,
            sent: 0,
            good: 0,
            late: 0,
            failed: 0,
            lag: Distribution::default(),
            latency: Distribution::default(),
            started_within_ns: 0,
            died: None,
        }
    }

    /// Adds a window, if it is of a phase that is measured.
    pub fn add(&mut self, window: &Window) {
        if window.phase.is_measured() {
            self.sent += window.sent;
            self.good += window.good;
            self.late += window.late;
            self.failed += window.failed;
            self.lag.merge(&window.lag);
            self.latency.merge(&window.latency);
        }
    }
}
