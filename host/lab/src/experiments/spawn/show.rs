//! Shows the time to start an agent, by each method.

use super::found::{Found, Method, Phase, Spawned};
use super::run::MANY;
use crate::experiments::Shown;
use crate::metrics::format::times;
use crate::metrics::quantity::quantities;
use crate::metrics::{Labels, Metric, Topic};
use crate::record::Tally;
use crate::stats::{Distribution, spread};
use crate::view::{Answer, Axis, Chart, Form, Series, Spot, Table, View};

quantities! {
    /// Time from the first step of a start to the agent's first reply, by the method that the
    /// label names.
    SPAWN_TO_FIRST_REPLY = "spawn-to-first-reply", "to first reply", Nanoseconds, Lower, Spawn;
}

/// The phases, in the order that they follow each other.
const PHASES: [(Phase, &str, &str); 9] = [
    (Phase::Compile, "compile", "compile"),
    (Phase::Deserialise, "deserialise", "deserialise"),
    (Phase::Link, "link", "link"),
    (Phase::Store, "store", "store"),
    (Phase::Instantiate, "instantiate", "instantiate"),
    (Phase::Start, "start", "start"),
    (Phase::Configure, "configure", "configure"),
    (Phase::FirstReply, "first_reply", "first reply"),
    (Phase::Drop, "drop", "drop"),
];

/// One method of a part.
type Row<'a> = (&'a Shown<'a, Found>, &'a Spawned);

pub(super) fn show(parts: &[Shown<Found>], to: &mut View) {
    let rows: Vec<Row> = parts
        .iter()
        .flat_map(|part| methods_of(part).map(move |spawned| (part, spawned)))
        .collect();
    to.table(methods(&rows));
    to.table(phases(&rows));
    for part in parts {
        sentences(part, to);
        chart(part, to);
        if let Some(told) = tally(part).told("blocks of rounds") {
            to.note(format!("{}: {told}", part.name()));
        }
    }
    for (part, spawned) in rows {
        let Some(median) = whole(spawned).and_then(|time| time.quantile(0.5)) else {
            continue;
        };
        let labels = Labels::new()
            .with("experiment", &part.part.experiment)
            .with("agent", &part.part.agent)
            .with("method", key(spawned.method))
            .with("backend", backend(spawned.method));
        let medians = spawned.medians.clone();
        let metric = Metric::whole(&SPAWN_TO_FIRST_REPLY, labels, median, medians);
        let metric = metric.withheld(tally(part).withheld("blocks of rounds"));
        if spawned.method == Method::Pooled {
            let [others, earlier] = [&INSTEAD, &EARLIER].map(|methods| instead(part, methods));
            let answer = Answer::of("start", &metric).remark(others).remark(earlier);
            to.answer(answer.remark(&part.part.agent));
        }
        to.metric(metric);
    }
}

/// Alternatives to a sandbox.
const INSTEAD: [(&str, Method); 2] = [("thread", Method::Thread), ("process", Method::Process)];

/// Starts that first compile the component, or load it from the cache.
const EARLIER: [(&str, Method); 2] = [("cached", Method::Cached), ("cold", Method::Cold)];

/// Returns the time to the first reply of other kinds of starts.
fn instead(part: &Shown<Found>, methods: &[(&str, Method)]) -> String {
    let told = methods.iter().filter_map(|(name, method)| {
        let median = median(part, *method, Phase::ToFirstReply)?;
        Some(format!("{name} {}", Form::Time.brief(median)))
    });
    told.collect::<Vec<_>>().join(", ")
}

/// Returns the methods of a part.
fn methods_of<'a>(part: &'a Shown<Found>) -> impl Iterator<Item = &'a Spawned> {
    part.found.iter().filter_map(|found| match found {
        Found::Spawned(spawned) => Some(spawned),
        Found::Blocks { .. } => None,
    })
}

/// Returns how many blocks of rounds count.
fn tally(part: &Shown<Found>) -> Tally {
    let mut tally = Tally::default();
    for found in &part.found {
        if let Found::Blocks { blocks } = found {
            blocks.iter().for_each(|block| tally.add(block.invalid));
        }
    }
    tally
}

fn whole(spawned: &Spawned) -> Option<&Distribution> {
    spawned.phase(Phase::ToFirstReply)
}

fn median(part: &Shown<Found>, method: Method, phase: Phase) -> Option<f64> {
    let found = methods_of(part).find(|spawned| spawned.method == method)?;
    found.phase(phase)?.quantile(0.5)
}

fn methods(rows: &[Row]) -> Table {
    Table::of("spawn", "Time to the first reply", Topic::Spawn, rows)
        .text("agent", "agent", |(part, _)| part.part.agent.clone())
        .text("method", "started", |(_, spawned)| name(spawned.method))
        .number("starts", "starts", Form::Integer, |(_, spawned)| {
            Some(whole(spawned)?.count() as f64)
        })
        .number("p50", "to first reply, p50", Form::Time, |(_, spawned)| {
            whole(spawned)?.quantile(0.5)
        })
        .strong()
        .percentile("p90", "p90", 0.9, |(_, spawned)| whole(spawned))
        .percentile("p99", "p99", 0.99, |(_, spawned)| whole(spawned))
        .number("max", "max", Form::Time, |(_, spawned)| whole(spawned)?.max())
        .number("vs_pooled", "vs pooled", Form::Ratio, |(part, spawned)| {
            let pooled = median(part, Method::Pooled, Phase::ToFirstReply)?;
            Some(whole(spawned)?.quantile(0.5)? / pooled)
        })
        .strong()
        .done()
}

fn phases(rows: &[Row]) -> Table {
    let columns = Table::of("spawn-phases", "Median of each phase", Topic::Spawn, rows)
        .text("agent", "agent", |(part, _)| part.part.agent.clone())
        .text("method", "median of", |(_, spawned)| name(spawned.method));
    let all = PHASES.into_iter().fold(columns, |columns, (phase, key, title)| {
        columns
            .number(key, title, Form::Time, move |(_, spawned)| spawned.phase(phase)?.quantile(0.5))
    });
    all.done()
}

fn sentences(part: &Shown<Found>, to: &mut View) {
    let ratio = |a: Option<f64>, b: Option<f64>| a.zip(b).map(|(a, b)| times(a / b));
    let managed = median(part, Method::ManagedMany, Phase::Start);
    let by_hand = median(part, Method::PooledMany, Phase::Start);
    if let Some(ratio) = ratio(managed, by_hand) {
        to.finding(
            Topic::Spawn,
            format!(
                "a managed start takes {ratio} times one with wasmtime by hand, {MANY} at once on \
                 one core that all stay"
            ),
        );
    }
    let process = median(part, Method::Process, Phase::Start);
    if let Some(ratio) = ratio(process, managed) {
        let sentence = format!("a child process takes {ratio} times as long to start");
        to.finding(Topic::Spawn, sentence);
    }
}

/// Draws the medians of all methods, with their intervals.
fn chart(part: &Shown<Found>, to: &mut View) {
    let medians = methods_of(part).filter_map(|spawned| {
        let value = whole(spawned)?.quantile(0.5)?;
        Some((name(spawned.method), spread(value, &spawned.medians)))
    });
    let medians: Vec<_> = medians.collect();
    let spots = medians.iter().enumerate().map(|(index, (_, median))| Spot {
        x: median.value,
        y: index as f64,
        range: median.ends(),
    });
    to.chart(Chart {
        topic: Topic::Spawn,
        caption: format!(
            "From the start of {} to its first reply: medians with their 95 % intervals",
            part.part.agent
        ),
        x: Axis::log("to first reply", Form::Time),
        y: Axis::names("started", medians.iter().map(|(name, _)| name.clone()).collect()),
        series: vec![Series::dots("median", spots.collect())],
        marks: Vec::new(),
    });
}

/// Returns the name of a method in files.
fn key(method: Method) -> String {
    let name = serde_json::to_value(method).unwrap_or_default();
    name.as_str().unwrap_or_default().to_owned()
}

/// Returns where a method's agents run: targets hold for those in the sandbox.
fn backend(method: Method) -> &'static str {
    match method {
        Method::Native => "native",
        Method::Process => "process",
        Method::Thread => super::THREAD,
        _ => "wasm",
    }
}

fn name(method: Method) -> String {
    match method {
        Method::Cold => "cold: compiled".to_owned(),
        Method::Cached => "cached: deserialised".to_owned(),
        Method::OnDemand => "hot, on demand".to_owned(),
        Method::Pooled => "hot, pooled".to_owned(),
        Method::PooledConcurrent => "hot, pooled, all cores at once".to_owned(),
        Method::PooledMany => format!("hot, pooled, {MANY} that stay"),
        Method::Managed => "managed, awaited from a thread".to_owned(),
        Method::ManagedMany => format!("managed, {MANY} at once"),
        Method::Native => "native twin".to_owned(),
        Method::Thread => "plain thread".to_owned(),
        Method::Process => "child process".to_owned(),
    }
}
