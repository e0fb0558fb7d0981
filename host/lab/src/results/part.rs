//! A run, gathered from its journal.

use super::journal::{Begin, End, Entry, Lines};
use crate::Result;
use crate::experiment::load::Cycle;
use crate::experiment::open_loop::{Interval, Phase};
use crate::experiment::record::{Finding, Part};
use crate::experiment::throughput::Throughput;
use serde::Serialize;
use std::path::Path;

/// What has been measured of a run until now.
#[derive(Debug, Default, Serialize)]
pub struct Results {
    /// What a reader must know of all of it.
    pub begin: Option<Begin>,
    /// Its parts, in order.
    pub parts: Vec<Measurement>,
    /// How it ended; none if it was killed, or has not ended.
    pub end: Option<End>,
}

/// What has been measured of one part. Its size does not grow with the part's messages.
#[derive(Debug, Serialize)]
pub struct Measurement {
    /// What was to be measured.
    pub part: Part,
    /// The intervals of each phase, merged.
    pub phases: Vec<Interval>,
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
    /// All that a journal has.
    ///
    /// # Errors
    /// If it cannot be read, or is none.
    pub fn read(journal: &Path) -> Result<Self> {
        Self::of(Lines::open(journal)?)
    }

    /// All that these lines have.
    ///
    /// # Errors
    /// If they cannot be read, or are no journal's.
    pub fn of(lines: impl Iterator<Item = Result<Entry>>) -> Result<Self> {
        let mut results = Self::default();
        for entry in lines {
            results.add(entry?);
        }
        Ok(results)
    }

    fn add(&mut self, entry: Entry) {
        match (entry, self.parts.last_mut()) {
            (Entry::Begin(begin), _) => self.begin = Some(*begin),
            (Entry::Part(part), _) => self.parts.push(Measurement {
                part,
                phases: Vec::new(),
                series: Vec::new(),
                findings: Vec::new(),
            }),
            (Entry::Interval(interval), Some(measurement)) => measurement.add(&interval),
            (Entry::Finding(finding), Some(measurement)) => measurement.findings.push(*finding),
            (Entry::End(end), _) => self.end = Some(end),
            // A finding of no part is nobody's.
            (Entry::Interval(_) | Entry::Finding(_), None) => {}
        }
    }
}

impl Measurement {
    fn add(&mut self, interval: &Interval) {
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
    pub fn phase(&self, phase: Phase) -> Option<&Interval> {
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
