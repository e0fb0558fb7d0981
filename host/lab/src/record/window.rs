//! The measurements of a stretch of time.

use super::Disturbance;
use crate::stats::Distribution;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A part of a load, as reports call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The rate grows, caches get warm. Not measured.
    RampUp,
    /// The rate that is measured.
    Steady,
    /// The rate that a burst comes out of.
    Baseline,
    /// Far more than the baseline.
    Burst,
    /// The baseline's rate again, after the burst.
    Recovery,
    /// The steady rate, while agents are made to fault.
    Faults,
    /// No messages were sent between the interruption of a run and its resumption.
    Interrupted,
}

impl Phase {
    /// Returns the name that a person reads.
    pub fn name(self) -> &'static str {
        match self {
            Self::RampUp => "ramp-up",
            Self::Steady => "steady",
            Self::Baseline => "baseline",
            Self::Burst => "burst",
            Self::Recovery => "recovery",
            Self::Faults => "faults",
            Self::Interrupted => "interrupted",
        }
    }

    /// Returns true if windows of the phase count: in all phases that have the load as planned.
    pub fn is_measured(self) -> bool {
        !matches!(self, Self::RampUp | Self::Interrupted)
    }
}

/// A stretch of time of an open loop. A message is counted in each number when the event happens: a
/// message due in one window may come back in the next of the same phase. A message that comes back
/// in another phase than it was due in counts in a window of its own phase that takes no time, so
/// that a phase never has more good replies than due messages.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Window {
    /// The part of the load that it belongs to.
    pub phase: Phase,
    /// Its start, from the part's start on, nanoseconds.
    pub start_ns: u64,
    /// Its end.
    pub end_ns: u64,
    /// Messages that were due.
    pub due: u64,
    /// Messages that left.
    pub sent: u64,
    /// Messages that came to a good reply within the deadline.
    pub good: u64,
    /// Messages that came to a good reply after the deadline.
    #[serde(default)]
    pub late: u64,
    /// Messages that were made to fail, and did: they count as neither good nor failed.
    #[serde(default)]
    pub meant: u64,
    /// Messages that failed, were refused, or timed out.
    pub failed: u64,
    /// Messages that found a mailbox full.
    pub refused: u64,
    /// Messages that were due and not answered yet at its end.
    pub backlog: u64,
    /// The most that there were within it.
    pub peak_backlog: u64,
    /// From when a message was due until its reply was seen. The clock does not wait for
    /// the generator, so that a stall is felt by all messages that were due in it.
    pub latency: Distribution,
    /// From when a message was due until it left: how late the generator was.
    pub lag: Distribution,
    /// From when a message left, its way through the inbox included, until its reply was seen.
    pub service: Distribution,
    /// CPU time of the generator's thread, nanoseconds.
    pub generator_cpu_ns: u64,
    /// CPU time of the whole process, nanoseconds: generator, path and agents, without children of
    /// the process backend.
    pub process_cpu_ns: u64,
    /// Resident memory of the process at its end, bytes.
    pub resident: Option<u64>,
    /// The disturbance that makes the window invalid; null if it counts.
    #[serde(default)]
    pub invalid: Option<Disturbance>,
}

impl Window {
    /// Returns its whole numbers by their fields' names.
    pub(super) fn numbers(&self) -> [(&'static str, u64); 14] {
        [
            ("start_ns", self.start_ns),
            ("end_ns", self.end_ns),
            ("due", self.due),
            ("sent", self.sent),
            ("good", self.good),
            ("late", self.late),
            ("meant", self.meant),
            ("failed", self.failed),
            ("refused", self.refused),
            ("backlog", self.backlog),
            ("peak_backlog", self.peak_backlog),
            ("generator_cpu_ns", self.generator_cpu_ns),
            ("process_cpu_ns", self.process_cpu_ns),
            ("resident", self.resident.unwrap_or(0)),
        ]
    }

    /// Returns an empty window that begins, and for now ends, at this time.
    pub fn new(phase: Phase, start_ns: u64) -> Self {
        Self {
            phase,
            start_ns,
            end_ns: start_ns,
            due: 0,
            sent: 0,
            good: 0,
            late: 0,
            meant: 0,
            failed: 0,
            refused: 0,
            backlog: 0,
            peak_backlog: 0,
            latency: Distribution::default(),
            lag: Distribution::default(),
            service: Distribution::default(),
            generator_cpu_ns: 0,
            process_cpu_ns: 0,
            resident: None,
            invalid: None,
        }
    }

    /// Adds a later interval of the same phase, with or without other phases between. Messages of
    /// other phases stay out.
    pub fn absorb(&mut self, later: &Self) {
        self.end_ns += later.end_ns - later.start_ns;
        self.due += later.due;
        self.sent += later.sent;
        self.good += later.good;
        self.late += later.late;
        self.meant += later.meant;
        self.failed += later.failed;
        self.refused += later.refused;
        if later.end_ns > later.start_ns {
            self.backlog = later.backlog;
            self.resident = later.resident;
        }
        self.peak_backlog = self.peak_backlog.max(later.peak_backlog);
        self.latency.merge(&later.latency);
        self.lag.merge(&later.lag);
        self.service.merge(&later.service);
        self.generator_cpu_ns += later.generator_cpu_ns;
        self.process_cpu_ns += later.process_cpu_ns;
    }

    /// Adds the window of another generator over the same stretch of time, whose length is the
    /// longer of both. It counts if both do.
    pub fn join(&mut self, other: &Self) {
        let length = (self.end_ns - self.start_ns).max(other.end_ns - other.start_ns);
        let (backlog, resident) = (self.backlog + other.backlog, self.resident.zip(other.resident));
        let peak_backlog = self.peak_backlog + other.peak_backlog;
        self.absorb(other);
        self.end_ns = self.start_ns + length;
        (self.backlog, self.peak_backlog) = (backlog, peak_backlog);
        self.resident = resident.map(|(ours, theirs)| ours + theirs);
        self.invalid = self.invalid.or(other.invalid);
    }

    /// Returns the window's length, seconds.
    pub fn seconds(&self) -> f64 {
        self.end_ns.saturating_sub(self.start_ns) as f64 / 1e9
    }

    /// Returns the number of messages that were answered or have failed.
    pub fn done(&self) -> u64 {
        self.good + self.late + self.failed
    }

    /// Returns the good replies per second.
    pub fn rate(&self) -> f64 {
        self.good as f64 / self.seconds()
    }

    /// Returns the share of due messages, without those made to fail, that came to a good reply
    /// within the deadline; `None` if none was due.
    pub fn success(&self) -> Option<f64> {
        let due = self.due.saturating_sub(self.meant);
        // In runs of earlier versions a reply counted in the phase that it was seen in.
        (due > 0).then(|| (self.good as f64 / due as f64).min(1.0))
    }

    /// Returns true if the generator was the limit: it sent less than 99 % of the due messages, or
    /// was so late that its lag is a tenth of the latency.
    pub fn is_generator_limited(&self) -> bool {
        let late = self.lag.quantile(0.99) > self.latency.quantile(0.99).map(|p99| p99 / 10.0);
        late || (self.sent as f64) < 0.99 * self.due as f64
    }

    /// Returns the CPU time of runtime and agents, without the generator's, nanoseconds.
    pub fn cpu_ns(&self) -> u64 {
        self.process_cpu_ns.saturating_sub(self.generator_cpu_ns)
    }

    /// Returns the CPU time per message without the generator's, nanoseconds; `None` without
    /// messages.
    pub fn cpu_per_message(&self) -> Option<f64> {
        (self.done() > 0).then(|| self.cpu_ns() as f64 / self.done() as f64)
    }

    /// Returns the CPU of runtime and agents as a share of one core.
    pub fn cpu_share(&self) -> f64 {
        self.cpu_ns() as f64 / 1e9 / self.seconds()
    }
}
