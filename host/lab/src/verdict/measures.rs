//! What of a run can be compared with another one's, each with its interval.

use super::recovered;
use crate::experiments::record::{Experiment, Finding, Part};
use crate::experiments::spawn;
use crate::record::Phase;
use crate::record::{Measurement, Results};
use crate::sampling::interleave::Sampled;
use crate::stats::{Estimate, median_interval};
use sandlab_runtime::BackendKind;
use serde::Serialize;

/// What a measure tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Topic {
    /// Messages a second.
    Throughput,
    /// How long messages take at a rate.
    Latency,
    /// Memory and CPU.
    Resources,
    /// What the sandbox costs against native.
    Overhead,
    /// Starts.
    Spawn,
    /// What memory limits do.
    MemoryLimits,
    /// What more agents cost.
    Scaling,
    /// Bursts and faults.
    Load,
}

/// In what a measure is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Nanoseconds.
    Nanoseconds,
    /// So many a second.
    PerSecond,
    /// Bytes.
    Bytes,
    /// One by another.
    Ratio,
    /// Of one.
    Share,
}

/// A number that two runs can have both.
#[derive(Debug, Clone, Serialize)]
pub struct Measure {
    /// What it tells of.
    pub topic: Topic,
    /// What it is; the same in every run.
    pub name: String,
    /// In what it is told.
    pub unit: Unit,
    /// Whether more is better; else less is.
    pub higher_is_better: bool,
    /// The number, with its 95 % interval where there is one.
    pub value: Estimate,
}

/// All topics, in the order that reports have.
pub const TOPICS: [Topic; 8] = [
    Topic::Throughput,
    Topic::Latency,
    Topic::Resources,
    Topic::Overhead,
    Topic::Spawn,
    Topic::MemoryLimits,
    Topic::Scaling,
    Topic::Load,
];

impl Topic {
    /// What a person reads.
    pub fn name(self) -> &'static str {
        match self {
            Self::Throughput => "Throughput",
            Self::Latency => "Latency",
            Self::Resources => "Resource Usage",
            Self::Overhead => "Overhead",
            Self::Spawn => "Spawn",
            Self::MemoryLimits => "Memory Limits",
            Self::Scaling => "Scaling",
            Self::Load => "Load",
        }
    }
}

/// All that a run measured which another one could have measured too.
pub fn measures(results: &Results) -> Vec<Measure> {
    let mut all = Vec::new();
    let parts = results.parts.iter();
    parts.for_each(|measurement| of_part(measurement, &mut all));
    for case in &results.comparisons {
        of_case(case, "", &mut all);
    }
    for case in &results.ladders {
        of_case(case, "ladder: ", &mut all);
    }
    all.sort_by_key(|measure| measure.topic);
    all
}

/// Every side, and by how much it takes longer than native in the same round.
fn of_case(case: &Sampled, kind: &str, to: &mut Vec<Measure>) {
    for side in &case.sides {
        let what = format!("{}, {} B, {kind}{}", case.agent, case.mean_bytes, side.side);
        let native = BackendKind::Native.name();
        let ratios = median_interval(&case.ratios(&side.side, native));
        let ratios = ratios.filter(|_| side.side != native);
        to.extend(
            median_interval(&side.ns)
                .map(|ns| less(Topic::Overhead, what.clone(), Unit::Nanoseconds, ns)),
        );
        to.extend(ratios.map(|ratio| {
            less(
                Topic::Overhead,
                format!("{what} by native"),
                Unit::Ratio,
                ratio,
            )
        }));
    }
}

fn less(topic: Topic, name: String, unit: Unit, value: Estimate) -> Measure {
    Measure {
        topic,
        name,
        unit,
        higher_is_better: false,
        value,
    }
}

fn more(topic: Topic, name: String, unit: Unit, value: Estimate) -> Measure {
    Measure {
        higher_is_better: true,
        ..less(topic, name, unit, value)
    }
}

/// A reading of which there is only one.
fn single(value: f64) -> Estimate {
    Estimate {
        value,
        low: None,
        high: None,
    }
}

/// What is the same whenever it is measured.
fn exact(value: f64) -> Estimate {
    Estimate {
        value,
        low: Some(value),
        high: Some(value),
    }
}

fn place(part: &Part) -> String {
    let rate = part.rate.map(|rate| format!(" at {rate}/s"));
    format!(
        "{} {} B, {} agents{}, {}",
        part.agent,
        part.size,
        part.agents,
        rate.unwrap_or_default(),
        part.backend
    )
}

fn of_part(measurement: &Measurement, to: &mut Vec<Measure>) {
    let part = &measurement.part;
    let at = place(part);
    let mut add = |measure: Measure| to.push(measure);
    let rates = measurement
        .findings
        .iter()
        .filter_map(|finding| match finding {
            Finding::Closed(interval) => Some(interval.rate()),
            _ => None,
        });
    if let Some(rates) = median_interval(&rates.collect::<Vec<_>>()) {
        let mode = part.closed.map_or_else(String::new, |load| {
            format!("{:?}, {}, ", load.mode, load.strategy).to_lowercase()
        });
        let (topic, name) = match part.experiment {
            Experiment::Scale => (Topic::Scaling, format!("messages/s, {at}")),
            _ => (Topic::Throughput, format!("messages/s, {mode}{at}")),
        };
        add(more(topic, name, Unit::PerSecond, rates));
    }
    if matches!(
        part.experiment,
        Experiment::Latency | Experiment::Peak | Experiment::Sustained
    ) {
        for (name, value) in quantiles(measurement) {
            let name = format!("{name}, {} {at}", part.experiment.name());
            add(less(Topic::Latency, name, Unit::Nanoseconds, value));
        }
        let steady = measurement
            .series
            .iter()
            .filter(|point| point.phase == Phase::Steady);
        let cpu = median_interval(&steady.filter_map(|point| point.cpu).collect::<Vec<_>>());
        cpu.into_iter().for_each(|cpu| {
            add(less(
                Topic::Resources,
                format!("CPU a message, {} {at}", part.experiment.name()),
                Unit::Nanoseconds,
                cpu,
            ));
        });
    }
    let in_burst = measurement.phase(Phase::Burst);
    let p99 = in_burst.and_then(|phase| phase.latency.quantile(0.99));
    p99.into_iter().for_each(|p99| {
        let name = format!("p99 in a burst, {at}");
        add(less(Topic::Load, name, Unit::Nanoseconds, single(p99)));
    });
    // One that did not recover while it was watched has no time of it.
    if let Some(found) =
        recovered(&measurement.series).filter(|_| part.experiment == Experiment::Burst)
    {
        let after = found.after.map(|after| single(after * 1e9));
        after.into_iter().for_each(|after| {
            add(less(
                Topic::Load,
                format!("recovered after a burst, {at}"),
                Unit::Nanoseconds,
                after,
            ));
        });
    }
    for finding in &measurement.findings {
        of_finding(finding, part, &at, to);
    }
}

fn of_finding(finding: &Finding, part: &Part, at: &str, to: &mut Vec<Measure>) {
    let agents = part.agents as f64;
    let mut add = |measure: Measure| to.push(measure);
    match finding {
        Finding::MaxRate(found) => {
            let highest = found.highest.map(single);
            highest.into_iter().for_each(|rate| {
                add(more(
                    Topic::Throughput,
                    format!("highest rate, {at}"),
                    Unit::PerSecond,
                    rate,
                ));
            });
        }
        Finding::Footprint(found) => {
            let one = single(found.spawned_in * 1e9 / agents);
            add(less(
                Topic::Scaling,
                format!("start of one, {at}"),
                Unit::Nanoseconds,
                one,
            ));
            if let Some(resident) = found.resident {
                let one = single(resident as f64 / agents);
                add(less(
                    Topic::Scaling,
                    format!("memory of one, {at}"),
                    Unit::Bytes,
                    one,
                ));
            }
        }
        Finding::Profiled(found) => {
            let memory = single(found.processed.resident);
            add(less(
                Topic::Resources,
                format!("memory/agent, {at}"),
                Unit::Bytes,
                memory,
            ));
            let cpu = single(found.message_ns);
            add(less(
                Topic::Resources,
                format!("CPU a message, {at}"),
                Unit::Nanoseconds,
                cpu,
            ));
            let idle = single(found.idle_with_agents);
            add(less(
                Topic::Resources,
                format!("CPU while idle, {at}"),
                Unit::Share,
                idle,
            ));
        }
        Finding::Started(started) => {
            let whole = started.phase(spawn::Phase::ToFirstReply);
            let median = whole.and_then(|times| times.median_interval());
            median.into_iter().for_each(|median| {
                let name = format!("{} to first reply, {}", name_of(started.way), part.agent);
                add(less(Topic::Spawn, name, Unit::Nanoseconds, median));
            });
        }
        Finding::Tuned(found) => {
            let name = format!("smallest limit, {}", part.agent);
            add(less(
                Topic::MemoryLimits,
                name,
                Unit::Bytes,
                exact(found.smallest as f64),
            ));
        }
        Finding::AtLimit(found) => {
            let largest = found.largest.value();
            if let Some(largest) = largest.and_then(|largest| largest.fallible.value()) {
                let under = format!("largest allocation under {} B", found.limit);
                let name = format!("{under}, {} on {}", part.agent, part.backend);
                let bytes = exact(largest.largest as f64);
                add(more(Topic::MemoryLimits, name, Unit::Bytes, bytes));
            }
        }
        Finding::Recovery(found) => {
            let median = found.time.median_interval();
            median.into_iter().for_each(|median| {
                add(less(
                    Topic::Load,
                    format!("back after a fault, {at}"),
                    Unit::Nanoseconds,
                    median,
                ));
            });
        }
        _ => {}
    }
}

/// The name that files give a way to start.
fn name_of(way: spawn::Way) -> String {
    let name = serde_json::to_value(way).unwrap_or_default();
    name.as_str().unwrap_or_default().to_owned()
}

/// p50 and p99 of all messages, each with the interval of the windows' own. Messages of one
/// window share what happened in it; windows are the unit.
fn quantiles(measurement: &Measurement) -> Vec<(&'static str, Estimate)> {
    let Some(all) = measurement.phase(Phase::Steady) else {
        return Vec::new();
    };
    let windows = || {
        measurement
            .series
            .iter()
            .filter(|point| point.phase == Phase::Steady)
    };
    let p50: Vec<f64> = windows().filter_map(|point| point.p50).collect();
    let p99: Vec<f64> = windows().filter_map(|point| point.p99).collect();
    let both = [("p50", 0.5, p50), ("p99", 0.99, p99)].into_iter();
    let both = both.filter_map(|(name, share, windows)| {
        let value = all.latency.quantile(share)?;
        let of_windows = median_interval(&windows)?;
        let interval = Estimate {
            value,
            low: of_windows.low.map(|low| low.min(value)),
            high: of_windows.high.map(|high| high.max(value)),
        };
        Some((name, interval))
    });
    both.collect()
}
