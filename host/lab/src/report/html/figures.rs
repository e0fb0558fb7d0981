//! Which charts a run has.

use super::chart::{Axis, Chart, Mark, PALETTE, Series, Spot, thinned};
use crate::Result;
use crate::experiments::memory::AtLimit;
use crate::experiments::record::{Experiment, Finding};
use crate::metrics::format::{difference, grouped, limit, or_dash, percent, size, time, times};
use crate::record::Phase;
use crate::record::{Measurement, Point, Results};
use crate::report::ladder::Ladder;
use crate::stats::{Estimate, median_interval};
use crate::verdict::recovered;
use sandlab_runtime::BackendKind;

fn range(interval: Estimate) -> Option<(f64, f64)> {
    interval.low.zip(interval.high)
}

/// What each rung adds, from the native call to the whole sandbox.
pub fn waterfalls(results: &Results) -> Result<Vec<String>> {
    let figures = results.ladders.iter().map(Ladder::of).map(|ladder| {
        let names = ladder.rungs.iter().map(|rung| {
            let step = rung
                .step
                .map_or_else(|| time(rung.ns.value), |step| difference(step.value));
            format!("{}  {step}", rung.name)
        });
        let names: Vec<String> = names.collect();
        let (mut whole, mut more, mut less, mut intervals) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut level = 0.0;
        for (index, rung) in ladder.rungs.iter().enumerate() {
            let (index, from) = (index as f64, level);
            match rung.step {
                None => {
                    level = rung.ns.value;
                    whole.push((index, 0.0, level));
                }
                Some(step) => {
                    level += step.value;
                    let bars = if step.value < 0.0 {
                        &mut less
                    } else {
                        &mut more
                    };
                    bars.push((index, from, level));
                    intervals.push(Spot {
                        x: level,
                        y: index,
                        range: range(step).map(|(low, high)| (from + low, from + high)),
                    });
                }
            }
        }
        let chart = Chart {
            x: Axis::linear("time a message", time),
            y: Axis::names("rung", names),
            series: vec![
                Series::bars("native", whole),
                Series {
                    spots: intervals,
                    dots: false,
                    ..Series::bars("a rung adds", more)
                },
                Series::bars("a rung saves", less),
            ],
            marks: Vec::new(),
        };
        chart.figure(&format!(
            "Where the cost of {} at {} comes from: each rung's step, with its 95 % interval",
            ladder.agent,
            size(ladder.bytes)
        ))
    });
    figures.collect()
}

/// Every round's ratio to native, and their median.
pub fn ratios(results: &Results) -> Result<Option<String>> {
    let native = BackendKind::Native.name();
    let cases = results.comparisons.iter().filter_map(|case| {
        let ratios = case.ratios(BackendKind::Wasm.name(), native);
        let median = median_interval(&ratios)?;
        Some((
            format!("{} {}", case.agent, size(case.mean_bytes)),
            ratios,
            median,
        ))
    });
    let cases: Vec<_> = cases.collect();
    if cases.is_empty() {
        return Ok(None);
    }
    let rounds = cases
        .iter()
        .enumerate()
        .flat_map(|(index, (_, ratios, _))| {
            let mut sorted = ratios.clone();
            sorted.sort_by(f64::total_cmp);
            let some = sorted.into_iter().step_by(ratios.len().div_ceil(60).max(1));
            some.map(move |ratio| Spot::new(ratio, index as f64))
        });
    let medians = cases
        .iter()
        .enumerate()
        .map(|(index, (_, _, median))| Spot {
            x: median.value,
            y: index as f64,
            range: range(*median),
        });
    let (rounds, medians) = (rounds.collect(), medians.collect());
    let chart = Chart {
        x: Axis::log("times native", times),
        y: Axis::names("agent", cases.iter().map(|case| case.0.clone()).collect()),
        series: vec![
            Series::dots("the median, with its 95 % interval", medians),
            Series::dots("a round", rounds),
        ],
        marks: vec![Mark::At(1.0)],
    };
    // The rounds first, so that the medians lie on them.
    let chart = Chart {
        series: chart.series.into_iter().rev().collect(),
        ..chart
    };
    chart
        .figure("wasm by native: how the rounds are distributed (the line is native)")
        .map(Some)
}

/// All percentiles of all loads at a rate.
pub fn percentiles(results: &Results) -> Result<Option<String>> {
    let wanted = [Experiment::Latency, Experiment::Peak, Experiment::Sustained];
    let parts = results
        .parts
        .iter()
        .filter(|m| wanted.contains(&m.part.experiment));
    let series = parts.filter_map(|measurement| {
        let latency = &measurement.phase(Phase::Steady)?.latency;
        let nines = (latency.count() as f64).log10().min(6.0);
        let steps = (0..=120).map(|step| f64::from(step) / 120.0 * nines);
        let spots = steps.filter_map(|nines| {
            let share = 1.0 - 10_f64.powf(-nines);
            Some(Spot::new(share, latency.quantile(share)?))
        });
        Some(Series::line(measurement.name(), spots.collect()))
    });
    let series: Vec<_> = series.collect();
    if series.is_empty() {
        return Ok(None);
    }
    let chart = Chart {
        x: Axis::percentiles(),
        y: Axis::log("latency", time),
        series,
        marks: Vec::new(),
    };
    chart
        .figure("Latency by percentile, from when a message was due")
        .map(Some)
}

/// Throughput and the start of one, by the number of agents.
pub fn scaling(results: &Results) -> Result<Vec<String>> {
    let parts: Vec<_> = results
        .parts
        .iter()
        .filter(|m| m.part.experiment == Experiment::Scale)
        .collect();
    if parts.is_empty() {
        return Ok(Vec::new());
    }
    let by_backend = |spot: &dyn Fn(&Measurement) -> Option<Spot>| -> Vec<Series> {
        let kinds = BackendKind::ALL.into_iter().map(|kind| {
            let of_kind = parts.iter().filter(|m| m.part.backend == kind);
            let spots = of_kind.filter_map(|m| spot(m)).collect();
            Series {
                dots: true,
                ..Series::line(kind.name(), spots)
            }
        });
        kinds.filter(|series| !series.spots.is_empty()).collect()
    };
    let rates = by_backend(&|measurement| {
        let closed = measurement
            .findings
            .iter()
            .filter_map(|finding| match finding {
                Finding::Closed(interval) => Some(interval.rate()),
                _ => None,
            });
        let rate = median_interval(&closed.collect::<Vec<_>>())?;
        Some(Spot {
            x: measurement.part.agents as f64,
            y: rate.value,
            range: range(rate),
        })
    });
    let starts = by_backend(&|measurement| {
        let agents = measurement.part.agents as f64;
        measurement
            .findings
            .iter()
            .find_map(|finding| match finding {
                Finding::Footprint(found) => {
                    Some(Spot::new(agents, found.spawned_in * 1e9 / agents))
                }
                _ => None,
            })
    });
    let chart = |y, series, caption: &str| {
        let x = Axis::log("agents", grouped);
        Chart {
            x,
            y,
            series,
            marks: Vec::new(),
        }
        .figure(caption)
    };
    Ok(vec![
        chart(
            Axis::log("messages/s", grouped),
            rates,
            "Throughput by the number of agents, median of the intervals with its 95 % interval",
        )?,
        chart(
            Axis::log("start of one", time),
            starts,
            "What it takes to start one agent, by how many are started",
        )?,
    ])
}

/// What is left of a limit, and what a workload needs.
pub fn memory(results: &Results) -> Result<Vec<String>> {
    let mut figures = Vec::new();
    let mut agents: Vec<(String, BackendKind)> = Vec::new();
    for measurement in &results.parts {
        let key = (measurement.part.agent.clone(), measurement.part.backend);
        if measurement.part.experiment == Experiment::Memory && !agents.contains(&key) {
            agents.push(key);
        }
    }
    let spots = |(agent, backend): &(String, BackendKind),
                 spot: &dyn Fn(&AtLimit) -> Option<Spot>| {
        let parts = results
            .parts
            .iter()
            .filter(|m| m.part.agent == *agent && m.part.backend == *backend);
        let found = parts
            .flat_map(|m| &m.findings)
            .filter_map(|finding| match finding {
                Finding::AtLimit(found) => spot(found),
                _ => None,
            });
        found.collect::<Vec<_>>()
    };
    let series = |spot: &dyn Fn(&AtLimit) -> Option<Spot>| -> Vec<Series> {
        let all = agents.iter().map(|key| Series {
            dots: true,
            ..Series::line(format!("{} on {}", key.0, key.1), spots(key, spot))
        });
        all.filter(|series| !series.spots.is_empty()).collect()
    };
    let share = series(&|found| {
        let largest = found.largest.value()?.fallible.value()?;
        Some(Spot::new(
            found.limit as f64,
            largest.largest as f64 / found.limit as f64,
        ))
    });
    let pace = series(&|found| {
        let fullest = found
            .held
            .value()?
            .iter()
            .rev()
            .find_map(|held| held.state.value())?;
        let rate = fullest.pace.rate()?;
        Some(Spot {
            x: found.limit as f64,
            y: rate.value,
            range: range(rate),
        })
    });
    let limits = || Axis::log("limit", |bytes| limit(bytes.round() as u64));
    for (y, series, caption) in [
        (
            Axis::linear("of the limit", percent),
            share,
            "The largest allocation, as a share of the limit",
        ),
        (
            Axis::log("messages/s", grouped),
            pace,
            "Messages a second with the limit as full as it gets, with their 95 % intervals",
        ),
    ] {
        if !series.is_empty() {
            figures.push(
                Chart {
                    x: limits(),
                    y,
                    series,
                    marks: Vec::new(),
                }
                .figure(caption)?,
            );
        }
    }
    for measurement in &results.parts {
        for finding in &measurement.findings {
            if let Finding::Tuned(tuned) = finding {
                let curves = tuned.curves.iter().map(|curve| {
                    let name = curve
                        .size
                        .map_or_else(|| "workload".to_owned(), |bytes| size(bytes as u64));
                    let mut spots: Vec<Spot> = Vec::new();
                    for (after, bytes) in &curve.changes {
                        // It stays until it changes.
                        let before = spots.last().map(|spot| Spot::new(*after as f64, spot.y));
                        spots.extend(before);
                        spots.push(Spot::new(*after as f64, *bytes as f64));
                    }
                    let all = (curve.messages * tuned.passes) as f64;
                    let end = spots.last().map(|spot| Spot::new(all, spot.y));
                    spots.extend(end);
                    Series::line(name, spots)
                });
                let chart = Chart {
                    x: Axis::linear("messages", |n| {
                        if n.fract() == 0.0 {
                            grouped(n)
                        } else {
                            String::new()
                        }
                    }),
                    y: Axis::linear("linear memory", |bytes| format!("{:.1} MB", bytes / 1e6)),
                    series: curves.take(PALETTE.len()).collect(),
                    marks: Vec::new(),
                };
                figures.push(chart.figure(&format!(
                    "Memory of {} over its workload, with plenty",
                    measurement.part.agent
                ))?);
            }
        }
    }
    Ok(figures)
}

/// Latency and rate over time; of a burst, when it was and when all was as before.
pub fn timelines(results: &Results, of_loads: bool) -> Result<Vec<String>> {
    let wanted: &[Experiment] = match of_loads {
        true => &[
            Experiment::Burst,
            Experiment::Recovery,
            Experiment::Sustained,
        ],
        false => &[Experiment::Latency, Experiment::Peak],
    };
    let parts = results
        .parts
        .iter()
        .filter(|m| wanted.contains(&m.part.experiment) && m.series.len() > 2);
    let figures = parts.map(|measurement| {
        let points = thinned(&measurement.series);
        let mut marks = Vec::new();
        let mut told = String::new();
        if measurement.part.experiment == Experiment::Burst {
            let burst = || {
                measurement
                    .series
                    .iter()
                    .filter(|point| point.phase == Phase::Burst)
            };
            if let (Some(first), Some(last)) = (burst().next(), burst().next_back()) {
                marks.push(Mark::Band(first.at - first.seconds, last.at));
                let found = recovered(&measurement.series);
                let after = found.and_then(|found| found.after);
                marks.extend(after.map(|after| Mark::At(last.at + after)));
                told = format!(
                    "; the burst is shaded, recovered after {}",
                    or_dash(after, |after| format!("{after:.1} s (the line)"))
                );
            }
        }
        let spots = |value: &dyn Fn(&Point) -> Option<f64>| -> Vec<Spot> {
            points
                .iter()
                .filter_map(|point| Some(Spot::new(point.at, value(point)?)))
                .collect()
        };
        let seconds = || {
            Axis::linear("seconds", |at| {
                format!("{at:.1}").trim_end_matches(".0").to_owned()
            })
        };
        let name = measurement.name();
        let (p50, p99) = (spots(&|point| point.p50), spots(&|point| point.p99));
        let latency = Chart {
            x: seconds(),
            y: Axis::log("latency", time),
            series: vec![Series::line("p50", p50), Series::line("p99", p99)],
            marks: marks.clone(),
        };
        let due = spots(&|point| Some(point.due as f64 / point.seconds));
        let good = spots(&|point| Some(point.good as f64 / point.seconds));
        let rate = Chart {
            x: seconds(),
            y: Axis::linear("messages/s", grouped),
            series: vec![Series::line("due", due), Series::line("good replies", good)],
            marks,
        };
        Ok(latency.figure(&format!("{name}: latency over time{told}"))?
            + &rate.figure(&format!("{name}: messages a second over time"))?)
    });
    figures.collect()
}
