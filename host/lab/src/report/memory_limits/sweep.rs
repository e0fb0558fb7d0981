//! The tables of a sweep: one a question, so that a row has what belongs together.

use crate::experiments::memory::{Allocation, AtLimit, Figure, PAGE, Pace, Ran};
use crate::experiments::record::Part;
use crate::metrics::format::{grouped, limit, or_dash, percent, range, size, time};
use crate::report::table::{Align, Cell, Style, Table};
use crate::stats::{Distribution, median_interval};

/// Those that have rows.
pub fn blocks(found: &[(&Part, &AtLimit)], style: Style) -> Vec<String> {
    if found.is_empty() {
        return Vec::new();
    }
    let tables = [
        Some(workloads(found)),
        allocations(found),
        filled(found),
        growths(found),
        recoveries(found),
    ];
    let tables = tables.into_iter().flatten();
    tables.map(|table| table.draw(style)).collect()
}

/// The cells that every row begins with.
fn of(part: &Part, at: &AtLimit) -> [Cell; 3] {
    [
        Cell::plain(&part.agent),
        Cell::plain(part.backend),
        Cell::plain(limit(at.limit)),
    ]
}

/// Whether it starts, and how its own workload goes.
fn workloads(found: &[(&Part, &AtLimit)]) -> Table {
    let mut table = Table::new([
        ("agent", Align::Left),
        ("backend", Align::Left),
        ("limit", Align::Right),
        ("starts", Align::Left),
        ("ready with", Align::Right),
        ("workload", Align::Left),
        ("message", Align::Right),
        ("peak", Align::Right),
        ("of limit", Align::Right),
        ("denials", Align::Right),
        ("messages/s", Align::Right),
        ("95 % interval", Align::Right),
        ("p50", Align::Right),
        ("p99", Align::Right),
        ("p50 growing", Align::Right),
    ]);
    for (part, at) in found {
        let [agent, backend, limit] = of(part, at);
        let ran = at.workload.value();
        let [rate, interval, p50, p99] = paces(ran.and_then(|ran| ran.pace.value()));
        let growing = ran.and_then(|ran| ran.growing.value());
        // What is resident of a child is more than what its limit counts.
        let peak = ran.and_then(|ran| ran.peak);
        let share =
            peak.filter(|_| at.start.ready.is_some() && at.start.memories.value().is_some());
        table.add([
            agent,
            backend,
            limit,
            match at.start.refused {
                None => Cell::plain("yes"),
                Some(_) => Cell::strong("no"),
            },
            optional(at.start.ready, size),
            ran.map_or_else(|| Cell::dim("-"), went),
            Cell::plain(size(part.size as u64)),
            optional(peak, size),
            optional(share, |peak| percent(peak as f64 / at.limit as f64)),
            optional(ran.and_then(|ran| ran.denials), |n| n.to_string()),
            rate,
            interval,
            p50,
            p99,
            quantile(growing, 0.5),
        ]);
    }
    table
}

fn went(ran: &Ran) -> Cell {
    match &ran.ran_out {
        None => Cell::plain("runs"),
        Some(out) => Cell::strong(format!(
            "message {}{}: {}",
            out.message,
            out.size
                .map_or_else(String::new, |bytes| format!(" of {}", size(bytes as u64))),
            out.outcome.describe()
        )),
    }
}

fn allocations(found: &[(&Part, &AtLimit)]) -> Option<Table> {
    let mut table = Table::new([
        ("largest allocation", Align::Left),
        ("backend", Align::Left),
        ("limit", Align::Right),
        ("room, bytes", Align::Right),
        ("try-allocate, bytes", Align::Right),
        ("a page more", Align::Left),
        ("allocate, bytes", Align::Right),
        ("a page more", Align::Left),
        ("denied", Align::Right),
    ]);
    let mut rows = 0;
    for (part, at) in found {
        let Some(largest) = at.largest.value() else {
            continue;
        };
        let [agent, backend, limit] = of(part, at);
        let bytes = |allocation: &Figure<Allocation>| {
            optional(allocation.value().map(|found| found.largest), |bytes| {
                grouped(bytes as f64)
            })
        };
        let beyond = |allocation: &Figure<Allocation>| {
            let found = allocation.value();
            found.map_or_else(
                || Cell::dim("-"),
                |found| match found.further / PAGE {
                    1 => Cell::plain(found.beyond.describe()),
                    pages => Cell::plain(format!("{} ({pages})", found.beyond.describe())),
                },
            )
        };
        let denied = largest.infallible.value().and_then(|found| found.denials);
        table.add([
            agent,
            backend,
            limit,
            optional(largest.room, |bytes| grouped(bytes as f64)),
            bytes(&largest.fallible),
            beyond(&largest.fallible),
            bytes(&largest.infallible),
            beyond(&largest.infallible),
            optional(denied.and_then(|denials| denials.asked), |bytes| {
                format!("{} of {}", grouped(bytes as f64), grouped(at.limit as f64))
            }),
        ]);
        rows += 1;
    }
    (rows > 0).then_some(table)
}

fn filled(found: &[(&Part, &AtLimit)]) -> Option<Table> {
    let mut table = Table::new([
        ("filled", Align::Left),
        ("backend", Align::Left),
        ("limit", Align::Right),
        ("share", Align::Right),
        ("retained", Align::Right),
        ("linear memory", Align::Right),
        ("resident", Align::Right),
        ("messages/s", Align::Right),
        ("95 % interval", Align::Right),
        ("p50", Align::Right),
        ("p99", Align::Right),
    ]);
    let mut rows = 0;
    for (part, at) in found {
        for held in at.held.value().into_iter().flatten() {
            let Some(full) = held.state.value() else {
                continue;
            };
            let [agent, backend, limit] = of(part, at);
            let [rate, interval, p50, p99] = paces(Some(&full.pace));
            table.add([
                agent,
                backend,
                limit,
                Cell::plain(format!("{} %", held.percent)),
                Cell::plain(size(full.retained)),
                optional(full.linear, size),
                optional(full.resident, size),
                rate,
                interval,
                p50,
                p99,
            ]);
            rows += 1;
        }
        let growth = at.growth.value();
        if let Some(pace) = growth.and_then(|growth| growth.just_after.value()) {
            let [agent, backend, limit] = of(part, at);
            let [rate, interval, p50, p99] = paces(Some(pace));
            table.add([
                agent,
                backend,
                limit,
                Cell::plain("just grown"),
                Cell::dim("-"),
                Cell::dim("-"),
                Cell::dim("-"),
                rate,
                interval,
                p50,
                p99,
            ]);
            rows += 1;
        }
    }
    (rows > 0).then_some(table)
}

fn growths(found: &[(&Part, &AtLimit)]) -> Option<Table> {
    let mut table = Table::new([
        ("growth", Align::Left),
        ("backend", Align::Left),
        ("limit", Align::Right),
        ("pages", Align::Right),
        ("memory.grow", Align::Right),
        ("95 % interval", Align::Right),
        ("and first writes", Align::Right),
        ("95 % interval", Align::Right),
    ]);
    let mut rows = 0;
    for (part, at) in found {
        for step in at.growth.value().into_iter().flat_map(|g| &g.steps) {
            let [agent, backend, limit] = of(part, at);
            let [grow, grow_interval] = median(&step.grow_ns);
            let [touched, touched_interval] = median(&step.touched_ns);
            table.add([
                agent,
                backend,
                limit,
                Cell::plain(step.pages),
                grow,
                grow_interval,
                touched,
                touched_interval,
            ]);
            rows += 1;
        }
    }
    (rows > 0).then_some(table)
}

fn recoveries(found: &[(&Part, &AtLimit)]) -> Option<Table> {
    let mut table = Table::new([
        ("after running out", Align::Left),
        ("backend", Align::Left),
        ("limit", Align::Right),
        ("refused, next reply p50", Align::Right),
        ("max", Align::Right),
        ("ended, next one's reply p50", Align::Right),
        ("max", Align::Right),
        ("workload, next one's reply p50", Align::Right),
        ("max", Align::Right),
    ]);
    let mut rows = 0;
    for (part, at) in found {
        let recovery = at.recovery.value();
        let survived = recovery.and_then(|found| found.survived.value());
        let ended = recovery.and_then(|found| found.ended.value());
        let restarted = at.workload.value().and_then(|ran| ran.restarted.value());
        if [survived, ended, restarted].iter().all(Option::is_none) {
            continue;
        }
        let [agent, backend, limit] = of(part, at);
        table.add([
            agent,
            backend,
            limit,
            quantile(survived, 0.5),
            quantile(survived, 1.0),
            quantile(ended, 0.5),
            quantile(ended, 1.0),
            quantile(restarted, 0.5),
            quantile(restarted, 1.0),
        ]);
        rows += 1;
    }
    (rows > 0).then_some(table)
}

/// Messages a second with their interval, median and 99th percentile of single calls.
fn paces(pace: Option<&Pace>) -> [Cell; 4] {
    let Some(rate) = pace.and_then(Pace::rate) else {
        return std::array::from_fn(|_| Cell::dim("-"));
    };
    let times = pace.map(|pace| &pace.time);
    [
        Cell::strong(grouped(rate.value)),
        Cell::plain(range(rate, grouped)),
        quantile(times, 0.5),
        quantile(times, 0.99),
    ]
}

fn quantile(times: Option<&Distribution>, share: f64) -> Cell {
    let ns = times.and_then(|times| times.quantile(share));
    ns.map_or_else(|| Cell::dim("-"), |ns| Cell::plain(or_dash(Some(ns), time)))
}

fn median(ns: &[f64]) -> [Cell; 2] {
    median_interval(ns).map_or_else(
        || [Cell::dim("-"), Cell::dim("-")],
        |found| {
            [
                Cell::strong(time(found.value)),
                Cell::plain(range(found, time)),
            ]
        },
    )
}

fn optional<T>(value: Option<T>, show: impl Fn(T) -> String) -> Cell {
    value.map_or_else(|| Cell::dim("-"), |value| Cell::plain(show(value)))
}
