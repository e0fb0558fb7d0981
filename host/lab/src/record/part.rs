//! A run, as much of it as a report needs.

use super::entry::{Begin, End};
use crate::experiments::load::Cycle;
use crate::experiments::record::{Finding, Part};
use crate::record::{Phase, Window};
use crate::sampling::closed_loop::Throughput;
use crate::sampling::interleave::Sampled;
use serde::Serialize;

/// What has been measured of a run until now.
#[derive(Debug, Serialize)]
pub struct Results {
    /// What a reader must know of all of it.
    pub begin: Begin,
    /// Its parts, in order.
    pub parts: Vec<Measurement>,
    /// Agents on the backends, every sample.
    pub comparisons: Vec<Sampled>,
    /// Agents on the rungs of the ladder, every sample.
    pub ladders: Vec<Sampled>,
    /// What else a reader must know.
    pub notes: Vec<String>,
    /// How it ended; none if it was killed, or has not ended.
    pub end: Option<End>,
}

/// What has been measured of one part. Its size does not grow with the part's messages.
#[derive(Debug, Serialize)]
pub struct Measurement {
    /// What was to be measured.
    pub part: Part,
    /// The intervals of each phase, merged.
    pub phases: Vec<Window>,
    /// Each interval's figures, in order.
    pub series: Vec<Point>,
    /// What else was found out, in order.
    pub findings: Vec<Finding>,
}

/// An interval's figures.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Point {
    /// The part of the load that it belongs to.
    pub phase: Phase,
    /// Its end, from the part's start on, seconds.
    pub at: f64,
    /// How long it was, seconds.
    pub seconds: f64,
    /// Messages that were due.
    pub due: u64,
    /// Messages that came to a good reply.
    pub good: u64,
    /// Messages that came to anything else.
    pub failed: u64,
    /// Messages that were due and had come to nothing yet, at its end.
    pub backlog: u64,
    /// The most that there were within it.
    pub peak_backlog: u64,
    /// Median latency, nanoseconds; none without replies.
    pub p50: Option<f64>,
    /// 99th percentile of latency, nanoseconds.
    pub p99: Option<f64>,
    /// CPU time a message without the generator's, nanoseconds.
    pub cpu: Option<f64>,
    /// Resident memory at its end, bytes.
    pub resident: Option<u64>,
}

impl Results {
    /// Whether it measured all that it was to.
    pub fn is_complete(&self) -> bool {
        self.end.as_ref().is_some_and(|end| end.complete)
    }
}

impl Measurement {
    /// A part of which nothing has been measured yet.
    pub(super) fn new(part: Part) -> Self {
        Self {
            part,
            phases: Vec::new(),
            series: Vec::new(),
            findings: Vec::new(),
        }
    }

    /// Adds its next interval.
    pub(super) fn add(&mut self, interval: &Window) {
        self.series.push(Point {
            phase: interval.phase,
            at: interval.end_ns as f64 / 1e9,
            seconds: interval.seconds(),
            due: interval.due,
            good: interval.good,
            failed: interval.failed,
            backlog: interval.backlog,
            peak_backlog: interval.peak_backlog,
            p50: interval.latency.quantile(0.5),
            p99: interval.latency.quantile(0.99),
            cpu: interval.cpu_per_message(),
            resident: interval.resident,
        });
        match self.phases.iter_mut().find(|p| p.phase == interval.phase) {
            Some(phase) => phase.absorb(interval),
            None => self.phases.push(interval.clone()),
        }
    }

    /// All intervals of a phase, merged; none if there were none.
    pub fn phase(&self, phase: Phase) -> Option<&Window> {
        self.phases.iter().find(|interval| interval.phase == phase)
    }

    /// What a closed loop counted, all intervals together; none if it was none.
    pub fn closed(&self) -> Option<Throughput> {
        let intervals = self.findings.iter().filter_map(|finding| match finding {
            Finding::Closed(interval) => Some(*interval),
            _ => None,
        });
        intervals.reduce(|mut all, next| {
            all.absorb(&next);
            all
        })
    }

    /// The rests of a long load, in order.
    pub fn cycles(&self) -> Vec<Cycle> {
        let findings = self.findings.iter();
        let cycles = findings.filter_map(|finding| match finding {
            Finding::Cycle(cycle) => Some(*cycle),
            _ => None,
        });
        cycles.collect()
    }

    /// What it is called where it does not stand in a table of its own.
    pub fn name(&self) -> String {
        let part = &self.part;
        format!(
            "{} on {}, {} agents",
            part.experiment.name(),
            part.backend,
            part.agents
        )
    }
}
