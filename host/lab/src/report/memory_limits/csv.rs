//! Memory limits for a spreadsheet: a line a figure, since not every limit has all of them.
//! Times are nanoseconds, sizes bytes.

use super::{limits, tuned};
use crate::experiments::memory::{AtLimit, Pace, Tuned};
use crate::metrics::format::quoted;
use crate::record::Results;
use crate::stats::{Distribution, median_interval};
use std::fmt::Write;

/// The figures of one row's limit, by name.
type Figures = Vec<(String, f64)>;

/// None if the run is of something else.
pub fn csv(results: &Results) -> Option<String> {
    let (limits, tuned) = (limits(results), tuned(results));
    if limits.is_empty() && tuned.is_empty() {
        return None;
    }
    let mut text = "experiment,agent,backend,limit_bytes,figure,value\n".to_owned();
    let swept = limits.iter().map(|(part, at)| (*part, at.limit, swept(at)));
    let tuned = tuned
        .iter()
        .map(|(part, tuned)| (*part, tuned.recommended, searched(tuned)));
    for (part, limit, figures) in swept.chain(tuned) {
        for (name, value) in figures {
            let _ = writeln!(
                text,
                "{},{},{},{limit},{name},{value}",
                part.experiment.name(),
                quoted(&part.agent),
                part.backend,
            );
        }
    }
    Some(text)
}

fn swept(at: &AtLimit) -> Figures {
    let mut figures = vec![("starts".to_owned(), f64::from(at.start.refused.is_none()))];
    let mut add = |name: &str, value: Option<f64>| {
        figures.extend(value.map(|value| (name.to_owned(), value)));
    };
    let bytes = |value: Option<u64>| value.map(|bytes| bytes as f64);
    add("ready", bytes(at.start.ready));
    if let Some(ran) = at.workload.value() {
        add("workload_runs", Some(f64::from(ran.ran_out.is_none())));
        add("workload_messages", Some(ran.messages as f64));
        add("workload_peak", bytes(ran.peak));
        add("workload_denials", bytes(ran.denials));
        add_pace(&mut add, "workload", ran.pace.value());
        add_times(&mut add, "workload_growing", ran.growing.value());
        add_times(&mut add, "workload_restarted", ran.restarted.value());
    }
    if let Some(largest) = at.largest.value() {
        let found = |figure: Option<u64>| figure.map(|bytes| bytes as f64);
        add("room", found(largest.room));
        add(
            "try_allocate",
            found(largest.fallible.value().map(|found| found.largest)),
        );
        add(
            "allocate",
            found(largest.infallible.value().map(|found| found.largest)),
        );
    }
    for held in at.held.value().into_iter().flatten() {
        let Some(full) = held.state.value() else {
            continue;
        };
        let name = |figure: &str| format!("filled_{}_{figure}", held.percent);
        add(&name("retained"), Some(full.retained as f64));
        add(&name("linear"), bytes(full.linear));
        add(&name("resident"), bytes(full.resident));
        add_pace(
            &mut add,
            &format!("filled_{}", held.percent),
            Some(&full.pace),
        );
    }
    if let Some(growth) = at.growth.value() {
        for step in &growth.steps {
            let median = |ns: &[f64]| median_interval(ns).map(|found| found.value);
            let pages = step.pages;
            add(&format!("grow_{pages}"), median(&step.grow_ns));
            add(&format!("grow_{pages}_touched"), median(&step.touched_ns));
        }
        add_pace(&mut add, "just_grown", growth.just_after.value());
    }
    if let Some(recovery) = at.recovery.value() {
        add_times(&mut add, "refused_next_reply", recovery.survived.value());
        add_times(&mut add, "ended_next_reply", recovery.ended.value());
    }
    figures
}

fn searched(tuned: &Tuned) -> Figures {
    let figures = [
        ("peak", tuned.peak),
        ("smallest", tuned.smallest),
        ("recommended", tuned.recommended),
        ("headroom_percent", u64::from(tuned.headroom)),
        ("tries", u64::from(tuned.repeats)),
        (
            "clean_at_recommended",
            u64::from(tuned.at_recommended.clean),
        ),
        ("clean_at_smallest", u64::from(tuned.at_smallest.clean)),
        (
            "clean_at_one_page_less",
            u64::from(tuned.one_page_less.clean),
        ),
    ];
    let figures = figures.into_iter();
    figures
        .map(|(name, value)| (name.to_owned(), value as f64))
        .collect()
}

fn add_pace(add: &mut impl FnMut(&str, Option<f64>), name: &str, pace: Option<&Pace>) {
    let rate = pace.and_then(Pace::rate).map(|rate| rate.value);
    add(&format!("{name}_messages_per_second"), rate);
    add_times(add, name, pace.map(|pace| &pace.time));
}

fn add_times(add: &mut impl FnMut(&str, Option<f64>), name: &str, times: Option<&Distribution>) {
    for (share, suffix) in [(0.5, "p50"), (0.99, "p99"), (1.0, "max")] {
        let ns = times.and_then(|times| times.quantile(share));
        add(&format!("{name}_{suffix}"), ns);
    }
}
