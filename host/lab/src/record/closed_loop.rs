//! A closed loop: its load, and its counts.

use super::Disturbance;
use sandlab_runtime::messaging::Strategy;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A closed loop: its agents, connections and messages.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClosedLoop {
    /// Agents, spread over all shards.
    pub agents: usize,
    /// The strategy by which agents get their messages.
    #[schemars(with = "serde_json::Value")]
    pub strategy: Strategy,
    /// The content of each message, bytes; at least 8.
    pub size: usize,
    /// Messages that each connection has in flight.
    pub depth: u32,
    /// Connections, each with its own driver.
    pub connections: usize,
    /// Threads that the drivers run on: agents' own or others.
    pub clients: Clients,
    /// The kind of message.
    pub mode: Mode,
    /// Length of the measurement, after a tenth as long to warm up.
    pub duration: Duration,
}

impl ClosedLoop {
    /// Returns how long a window is: a tenth of the duration, at most a second.
    pub fn window(&self) -> Duration {
        (self.duration / 10).min(Duration::from_secs(1))
    }

    /// Returns how long the load runs before the first window: as long as a window, so that a person
    /// who stops it never waits for more.
    pub fn warm_up(&self) -> Duration {
        self.window()
    }
}

/// The threads that a load's drivers run on.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum Clients {
    /// Each on a thread of its own, beside the shards.
    Threads,
    /// On the shards, in turn: no thread has to be woken for a message.
    Shards,
    /// Drivers on the shards, each with the agents of its own shard: no message goes to another
    /// core. Agents of a shard without a connection are idle.
    Local,
}

/// The kind of a client's message.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// A request; its reply is checked.
    Ask,
    /// A message without a reply.
    Tell,
    /// A request to a pool, which any agent of it may answer: so many tasks at once as there are
    /// messages in flight, then as many again.
    Task,
}

/// Counts of a stretch of time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClosedWindow {
    /// Messages that were answered or have failed.
    pub messages: u64,
    /// Length of the measurement, seconds.
    pub seconds: f64,
    /// Time from when the batch of a message left until its end was seen, sum of all messages,
    /// nanoseconds. Null for messages without a reply.
    pub waited_ns: Option<u64>,
    /// Messages in flight × seconds.
    pub in_flight_seconds: f64,
    /// CPU time of the whole process, agents, path and clients, nanoseconds, without children of
    /// the process backend.
    pub cpu_ns: u64,
    /// CPU time of the clients; null on the shards, where it cannot be separated.
    pub client_cpu_ns: Option<u64>,
    /// The disturbance that makes the window invalid; null if it counts.
    #[serde(default)]
    pub invalid: Option<Disturbance>,
}

impl ClosedWindow {
    /// Adds the counts of the next window.
    pub fn absorb(&mut self, next: &Self) {
        let sum = |a: Option<u64>, b: Option<u64>| Some(a.unwrap_or(0) + b?);
        self.messages += next.messages;
        self.seconds += next.seconds;
        self.waited_ns = sum(self.waited_ns, next.waited_ns);
        self.in_flight_seconds += next.in_flight_seconds;
        self.cpu_ns += next.cpu_ns;
        self.client_cpu_ns = sum(self.client_cpu_ns, next.client_cpu_ns);
    }

    /// Returns messages per second.
    pub fn rate(&self) -> f64 {
        self.messages as f64 / self.seconds
    }

    /// Returns the mean time of a message, nanoseconds; `None` without messages, or if they were
    /// not timed.
    pub fn mean_ns(&self) -> Option<f64> {
        self.per_message(self.waited_ns)
    }

    /// Returns the CPU time per message, nanoseconds; `None` without messages.
    pub fn cpu_per_message(&self) -> Option<f64> {
        self.per_message(Some(self.cpu_ns))
    }

    /// Returns the clients' CPU time per message, nanoseconds; `None` without messages, or if it
    /// was not measured.
    pub fn client_cpu_per_message(&self) -> Option<f64> {
        self.per_message(self.client_cpu_ns)
    }

    fn per_message(&self, all: Option<u64>) -> Option<f64> {
        let all = all.filter(|_| self.messages > 0)?;
        Some(all as f64 / self.messages as f64)
    }

    /// Returns messages in flight, on average over time.
    pub fn in_flight(&self) -> f64 {
        self.in_flight_seconds / self.seconds
    }

    /// Returns how far messages in flight are from the rate times the mean, as a share of them
    /// (Little's law). `None` without a mean.
    pub fn little(&self) -> Option<f64> {
        let expected = self.rate() * self.mean_ns()? / 1e9;
        Some((self.in_flight() - expected).abs() / self.in_flight())
    }
}
