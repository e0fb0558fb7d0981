//! Results, graded by targets that a user can replace.

use crate::experiments::record::{Experiment, Finding};
use crate::record::Phase;
use crate::record::{Measurement, Results};
use crate::verdict::recovered;
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The bounds of every metric; one that is left out is not graded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Targets {
    throughput: Option<Bounds>,
    latency_p50_ms: Option<Bounds>,
    latency_p99_ms: Option<Bounds>,
    spawn_ms: Option<Bounds>,
    memory_mb: Option<Bounds>,
    cpu_percent: Option<Bounds>,
    recovery_s: Option<Bounds>,
    peak_success_percent: Option<Bounds>,
    peak_p99_ms: Option<Bounds>,
}

/// From well to bad.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    /// Up to here all is well.
    pub target: f64,
    /// Up to here it can stay.
    pub acceptable: f64,
    /// Up to here it has to be looked into.
    pub critical: f64,
}

/// What is graded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// Messages a second.
    Throughput,
    /// Median latency, ms.
    LatencyP50,
    /// 99th percentile of latency, ms.
    LatencyP99,
    /// To start an agent, ms.
    Spawn,
    /// Resident memory an agent, MB.
    Memory,
    /// CPU an agent, percent of a core.
    Cpu,
    /// From a fault or a burst until all is as before, s.
    Recovery,
    /// Good replies at peak load, percent of what was due.
    PeakSuccess,
    /// 99th percentile of latency at peak load, ms.
    PeakP99,
}

/// How good a result is; a later one is worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grade {
    /// All is well.
    Target,
    /// It can stay.
    Acceptable,
    /// It has to be looked into.
    Critical,
    /// It is worse than it may be.
    Beyond,
}

/// A result with its grade.
#[derive(Debug, Clone, Serialize)]
pub struct Graded {
    /// Of which part, by its index.
    pub part: usize,
    /// What.
    pub metric: Metric,
    /// How much, in the metric's unit.
    pub value: f64,
    /// By what it was graded.
    pub bounds: Bounds,
    /// How good that is.
    pub grade: Grade,
}

impl Targets {
    /// The seed's: those of the platform that sandlab grew out of.
    pub fn standard() -> Self {
        let parsed = toml::from_str(include_str!("targets.toml"));
        parsed.unwrap_or_else(|_| unreachable!("a test reads it"))
    }

    /// Those of a file.
    ///
    /// # Errors
    /// If it cannot be read, or says what is no target.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(Error::file("read", path))?;
        toml::from_str(&text)
            .map_err(|error| Error::Usage(format!("the targets {}: {error}", path.display())))
    }

    fn bounds(&self, metric: Metric) -> Option<Bounds> {
        match metric {
            Metric::Throughput => self.throughput,
            Metric::LatencyP50 => self.latency_p50_ms,
            Metric::LatencyP99 => self.latency_p99_ms,
            Metric::Spawn => self.spawn_ms,
            Metric::Memory => self.memory_mb,
            Metric::Cpu => self.cpu_percent,
            Metric::Recovery => self.recovery_s,
            Metric::PeakSuccess => self.peak_success_percent,
            Metric::PeakP99 => self.peak_p99_ms,
        }
    }
}

impl Metric {
    /// What a person reads.
    pub fn name(self) -> &'static str {
        match self {
            Self::Throughput => "throughput, messages/s",
            Self::LatencyP50 => "latency p50, ms",
            Self::LatencyP99 => "latency p99, ms",
            Self::Spawn => "spawn, ms an agent",
            Self::Memory => "memory, MB an agent",
            Self::Cpu => "CPU, % an agent",
            Self::Recovery => "recovery, s",
            Self::PeakSuccess => "success at peak, %",
            Self::PeakP99 => "latency p99 at peak, ms",
        }
    }

    fn higher_is_better(self) -> bool {
        matches!(self, Self::Throughput | Self::PeakSuccess)
    }

    fn grade(self, value: f64, bounds: Bounds) -> Grade {
        let reaches = |bound: f64| match self.higher_is_better() {
            true => value >= bound,
            false => value <= bound,
        };
        match () {
            () if reaches(bounds.target) => Grade::Target,
            () if reaches(bounds.acceptable) => Grade::Acceptable,
            () if reaches(bounds.critical) => Grade::Critical,
            () => Grade::Beyond,
        }
    }
}

impl Grade {
    /// What a person reads.
    pub fn name(self) -> &'static str {
        match self {
            Self::Target => "target",
            Self::Acceptable => "acceptable",
            Self::Critical => "critical",
            Self::Beyond => "BEYOND CRITICAL",
        }
    }
}

/// Grades all that a run measured.
pub fn grade(results: &Results, targets: &Targets) -> Vec<Graded> {
    let parts = results.parts.iter().enumerate();
    let graded = parts.flat_map(|(part, measurement)| {
        let values = values(measurement).into_iter();
        values.filter_map(move |(metric, value)| {
            let bounds = targets.bounds(metric)?;
            Some(Graded {
                part,
                metric,
                value,
                bounds,
                grade: metric.grade(value, bounds),
            })
        })
    });
    graded.collect()
}

/// What of a part is graded.
fn values(measurement: &Measurement) -> Vec<(Metric, f64)> {
    let mut values = Vec::new();
    let part = &measurement.part;
    if let Some(steady) = measurement.phase(Phase::Steady) {
        let ms = |share| steady.latency.quantile(share).map(|ns| ns / 1e6);
        match part.experiment {
            Experiment::Latency | Experiment::Sustained => {
                values.extend(ms(0.5).map(|p50| (Metric::LatencyP50, p50)));
                values.extend(ms(0.99).map(|p99| (Metric::LatencyP99, p99)));
            }
            Experiment::Peak => {
                let success = steady.goodput().map(|share| share * 100.0);
                values.extend(success.map(|success| (Metric::PeakSuccess, success)));
                values.extend(ms(0.99).map(|p99| (Metric::PeakP99, p99)));
            }
            _ => {}
        }
        let used = steady
            .process_cpu_ns
            .saturating_sub(steady.generator_cpu_ns) as f64
            / 1e9;
        if part.experiment != Experiment::Recovery && used > 0.0 {
            let share = used / steady.seconds() / part.agents as f64;
            values.push((Metric::Cpu, share * 100.0));
        }
    }
    if part.experiment == Experiment::Burst {
        let back = recovered(&measurement.series).and_then(|found| found.after);
        values.extend(back.map(|after| (Metric::Recovery, after)));
    }
    let closed = measurement.closed().map(|counted| counted.rate());
    values.extend(closed.map(|rate| (Metric::Throughput, rate)));
    for finding in &measurement.findings {
        match finding {
            Finding::MaxRate(found) => {
                values.extend(found.highest.map(|rate| (Metric::Throughput, rate)));
            }
            Finding::Footprint(found) => {
                let agents = part.agents as f64;
                values.push((Metric::Spawn, found.spawned_in * 1e3 / agents));
                let memory = found.resident.map(|bytes| bytes as f64 / 1e6 / agents);
                values.extend(memory.map(|memory| (Metric::Memory, memory)));
            }
            Finding::Profiled(found) => {
                values.push((Metric::Memory, found.processed.resident / 1e6));
            }
            Finding::Recovery(found) => {
                let worst = found.time.max().map(|ns| ns / 1e9);
                values.extend(worst.map(|worst| (Metric::Recovery, worst)));
            }
            _ => {}
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_targets_are_the_seeds() {
        let targets = Targets::standard();
        let grade = |metric: Metric, value| metric.grade(value, targets.bounds(metric).unwrap());
        assert_eq!(grade(Metric::Throughput, 100_000.0), Grade::Target);
        assert_eq!(grade(Metric::Throughput, 49_999.0), Grade::Critical);
        assert_eq!(grade(Metric::Throughput, 9_999.0), Grade::Beyond);
        assert_eq!(grade(Metric::LatencyP50, 0.9), Grade::Target);
        assert_eq!(grade(Metric::LatencyP99, 50.0), Grade::Acceptable);
        assert_eq!(grade(Metric::PeakSuccess, 98.9), Grade::Beyond);
    }

    #[test]
    fn a_file_can_grade_less_but_nothing_unknown() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("targets.toml");
        let bounds = "target = 1\nacceptable = 2\ncritical = 3\n";
        std::fs::write(&file, format!("[spawn-ms]\n{bounds}")).unwrap();
        let targets = Targets::read(&file).unwrap();
        assert!(targets.bounds(Metric::Spawn).is_some());
        assert!(targets.bounds(Metric::Cpu).is_none());
        std::fs::write(&file, format!("[spawn]\n{bounds}")).unwrap();
        let error = Targets::read(&file).unwrap_err().to_string();
        assert!(
            error.contains("spawn") && error.contains("targets.toml"),
            "{error}"
        );
    }
}
