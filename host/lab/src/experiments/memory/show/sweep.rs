//! The tables of a sweep: one per question, so that a row has what belongs together.

use super::super::{Allocation, Figure, Full, PAGE, Pace, Ran, Step};
use super::Limited;
use crate::metrics::Topic;
use crate::metrics::format::{grouped, size};
use crate::stats::{Distribution, Estimate, median_interval};
use crate::view::{Cell, Emphasis, Form, Rows, Table, Value, View};

pub(super) fn tables(found: &[Limited], to: &mut View) {
    to.table(workloads(found));
    to.table(allocations(found));
    to.table(filled(found));
    to.table(growths(found));
    to.table(recoveries(found));
}

/// Begins a table with the columns that every row begins with.
fn table<'r, R>(
    key: &'static str,
    title: &str,
    rows: &'r [R],
    limited: fn(&R) -> &Limited<'_>,
) -> Rows<'r, R> {
    Table::of(key, title, Topic::MemoryLimits, rows)
        .text("agent", "agent", move |row| limited(row).0.agent.clone())
        .text("backend", "backend", move |row| limited(row).0.backend_name())
        .number("limit", "limit", Form::Limit, move |row| Some(limited(row).1.limit as f64))
}

/// Adds messages per second with their interval, and two percentiles of single calls.
fn paces<'r, R>(rows: Rows<'r, R>, pace: fn(&R) -> Option<&Pace>) -> Rows<'r, R> {
    let rate = move |row: &R| pace(row).and_then(Pace::rate);
    rows.number("rate", "messages/s", Form::Rate, move |row| Some(rate(row)?.value))
        .strong()
        .interval("rate", Form::Rate, rate)
        .percentile("p50", "p50", 0.5, move |row| Some(&pace(row)?.time))
        .percentile("p99", "p99", 0.99, move |row| Some(&pace(row)?.time))
}

fn bytes(value: Option<u64>) -> Option<f64> {
    value.map(|bytes| bytes as f64)
}

/// Returns the table of whether each agent starts under a limit, and how its own workload goes.
fn workloads(found: &[Limited]) -> Table {
    fn ran<'a>((_, at): &Limited<'a>) -> Option<&'a Ran> {
        at.workload.value()
    }
    let rows = table("memory", "Workload under the limit", found, |row| row)
        .cells("starts", "starts", None, |(_, at)| match at.start.refused {
            None => Cell::text("yes"),
            Some(_) => Cell::text("no").seen(Emphasis::Bad),
        })
        .number("ready", "ready with", Form::Size, |(_, at)| bytes(at.start.ready))
        .cells("workload", "workload", None, |row| {
            ran(row).map_or_else(|| Value::missing().into(), went)
        })
        .number("messages", "messages", Form::Integer, |row| Some(ran(row)?.messages as f64))
        .number("message", "message", Form::Size, |(part, _)| {
            part.bytes().map(|bytes| bytes as f64)
        })
        .number("peak", "peak", Form::Size, |row| bytes(ran(row)?.peak))
        .number("peak_share", "of limit", Form::Share, |row| {
            // What is resident of a child is more than what its limit counts.
            let (_, at) = row;
            let is_counted = at.start.ready.is_some() && at.start.memories.value().is_some();
            let peak = ran(row)?.peak.filter(|_| is_counted)?;
            Some(peak as f64 / at.limit as f64)
        })
        .number("denials", "denials", Form::Integer, |row| bytes(ran(row)?.denials));
    paces(rows, |row| ran(row)?.pace.value())
        .number("growing_p50", "p50 growing", Form::Time, |row| {
            ran(row)?.growing.value()?.quantile(0.5)
        })
        .done()
}

fn went(ran: &Ran) -> Cell {
    let Some(out) = &ran.ran_out else {
        return Cell::text("runs");
    };
    let size = out.size.map_or_else(String::new, |bytes| format!(" of {}", size(bytes as u64)));
    Cell::text(format!("message {}{size}: {}", out.message, out.outcome.describe()))
        .seen(Emphasis::Strong)
}

fn allocations(found: &[Limited]) -> Table {
    let found: Vec<Limited> =
        found.iter().filter(|(_, at)| at.largest.value().is_some()).copied().collect();
    fn fallible<'a>((_, at): &Limited<'a>) -> Option<&'a Allocation> {
        at.largest.value()?.fallible.value()
    }
    fn infallible<'a>((_, at): &Limited<'a>) -> Option<&'a Allocation> {
        at.largest.value()?.infallible.value()
    }
    let beyond = |allocation: Option<&Allocation>| match allocation {
        None => Value::missing().into(),
        Some(found) => match found.further / PAGE {
            1 => Cell::text(found.beyond.describe()),
            pages => Cell::text(format!("{} ({pages})", found.beyond.describe())),
        },
    };
    let largest = |allocation: Option<&Allocation>| bytes(Some(allocation?.largest));
    table("largest-allocation", "Largest allocation", &found, |row| row)
        .number("room", "room, bytes", Form::Count, |(_, at)| bytes(at.largest.value()?.room))
        .number("try_allocate", "try-allocate, bytes", Form::Count, |row| largest(fallible(row)))
        .strong()
        .cells("try_beyond", "a page more", None, |row| beyond(fallible(row)))
        .number("allocate", "allocate, bytes", Form::Count, |row| largest(infallible(row)))
        .strong()
        .cells("beyond", "a page more", None, |row| beyond(infallible(row)))
        .cells("denied", "denied", None, |row| {
            let asked = infallible(row).and_then(|found| found.denials?.asked);
            asked.map_or_else(
                || Value::missing().into(),
                |asked| {
                    let limit = grouped(row.1.limit as f64);
                    Cell::text(format!("{} of {limit}", grouped(asked as f64)))
                },
            )
        })
        .done()
}

/// A share of the limit that is filled, or just after growth.
struct Filled<'a> {
    limited: Limited<'a>,
    share: String,
    full: Option<&'a Full>,
    pace: &'a Pace,
}

fn filled(found: &[Limited]) -> Table {
    let rows = found.iter().flat_map(|limited| {
        let (_, at) = *limited;
        let held = at.held.value().into_iter().flatten().filter_map(|held| {
            let full = held.state.value()?;
            Some(Filled {
                limited: *limited,
                share: format!("{} %", held.percent),
                full: Some(full),
                pace: &full.pace,
            })
        });
        let grown = at.growth.value().and_then(|growth| growth.just_after.value());
        held.chain(grown.map(|pace| Filled {
            limited: *limited,
            share: "just grown".to_owned(),
            full: None,
            pace,
        }))
    });
    let rows: Vec<Filled> = rows.collect();
    let rows = table("filled", "Filled agents", &rows, |row| &row.limited)
        .text("share", "share", |row| row.share.clone())
        .number("retained", "retained", Form::Size, |row| bytes(Some(row.full?.retained)))
        .number("linear", "linear memory", Form::Size, |row| bytes(row.full?.linear))
        .number("resident", "resident", Form::Size, |row| bytes(row.full?.resident));
    paces(rows, |row| Some(row.pace)).done()
}

fn growths(found: &[Limited]) -> Table {
    let rows = found.iter().flat_map(|limited| {
        let steps = limited.1.growth.value().into_iter().flat_map(|growth| &growth.steps);
        steps.map(move |step| (*limited, step))
    });
    let rows: Vec<(Limited, &Step)> = rows.collect();
    let grow = |(_, step): &(Limited, &Step)| median_interval(&step.grow_ns);
    let touched = |(_, step): &(Limited, &Step)| median_interval(&step.touched_ns);
    let value = |estimate: Option<Estimate>| estimate.map(|estimate| estimate.value);
    table("growth", "Growth", &rows, |(limited, _)| limited)
        .number("pages", "pages", Form::Integer, |(_, step)| Some(step.pages as f64))
        .number("grow", "memory.grow", Form::Time, |row| value(grow(row)))
        .strong()
        .interval("grow", Form::Time, grow)
        .number("touched", "and first writes", Form::Time, |row| value(touched(row)))
        .strong()
        .interval("touched", Form::Time, touched)
        .done()
}

fn recoveries(found: &[Limited]) -> Table {
    type Times = Figure<Distribution>;
    fn survived<'a>((_, at): &Limited<'a>) -> Option<&'a Distribution> {
        at.recovery.value().and_then(|found| Times::value(&found.survived))
    }
    fn ended<'a>((_, at): &Limited<'a>) -> Option<&'a Distribution> {
        at.recovery.value().and_then(|found| Times::value(&found.ended))
    }
    fn restarted<'a>((_, at): &Limited<'a>) -> Option<&'a Distribution> {
        at.workload.value().and_then(|ran| Times::value(&ran.restarted))
    }
    let has_any =
        |row: &&Limited| [survived(row), ended(row), restarted(row)].iter().any(Option::is_some);
    let rows: Vec<Limited> = found.iter().filter(has_any).copied().collect();
    table("after-running-out", "After running out", &rows, |row| row)
        .number("refused_p50", "refused, next reply p50", Form::Time, |row| {
            survived(row)?.quantile(0.5)
        })
        .number("refused_max", "max", Form::Time, |row| survived(row)?.max())
        .number("ended_p50", "ended, next one's reply p50", Form::Time, |row| {
            ended(row)?.quantile(0.5)
        })
        .number("ended_max", "max", Form::Time, |row| ended(row)?.max())
        .number("workload_p50", "workload, next one's reply p50", Form::Time, |row| {
            restarted(row)?.quantile(0.5)
        })
        .number("workload_max", "max", Form::Time, |row| restarted(row)?.max())
        .done()
}
