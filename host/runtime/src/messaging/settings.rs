//! The settings of a [`Runtime`](super::Runtime).

use std::thread;
use std::time::Duration;

/// The settings of a [`Runtime`](super::Runtime).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Threads that agents live on. Default one per core.
    pub shards: usize,
    /// Additional threads, for agents in [quarantine](super::Placement::Quarantine). Default 1.
    pub quarantine: usize,
    /// Agents that a shard can have. Default 65,536, of 4 bytes each.
    pub agents_per_shard: u32,
    /// The time that an idle shard polls for work before it sleeps. Default 20 µs: waking it costs
    /// the sender more than that.
    pub idle_spin: Duration,
    /// Agents that may handle what one message leads to, one after another. Default 1,000.
    pub max_hops: u32,
    /// Messages that one client may have in flight. Default 1,024.
    pub window: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            shards: thread::available_parallelism().map_or(1, usize::from),
            quarantine: 1,
            agents_per_shard: 1 << 16,
            idle_spin: Duration::from_micros(20),
            max_hops: 1_000,
            window: 1_024,
        }
    }
}
