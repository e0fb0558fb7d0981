//! Tables and charts of open loops, for every experiment that runs them: percentiles, the stages
//! that latency comes from, the outcome of each phase's messages, and the course over time.

use super::{Shown, answers, labels};
use crate::metrics::{Metric, Topic, shared};
use crate::record::{Phase, Point, RunPart, Shared, Window, WorkerShare};
use crate::stats::Distribution;
use crate::view::{
    Answer, Axis, Cell, Chart, Emphasis, Form, Mark, Series, Spot, Table, View, thinned,
};

/// The kinds of parts that hold one rate.
const STEADY: [&str; 3] = ["latency", "peak", "sustained"];

/// Keys of an experiment's tables in files. A run of several experiments has each of these tables
/// more than once.
pub(crate) struct Keys {
    /// The table of percentiles.
    pub latency: &'static str,
    /// The table of the stages that latency comes from.
    pub origin: &'static str,
}

/// A part that holds one rate.
struct Row<'a> {
    part: &'a RunPart,
    steady: &'a Window,
    own: Option<Distribution>,
}

impl<'a> Row<'a> {
    fn of(part: &'a RunPart) -> Option<Self> {
        let is_wanted = STEADY.contains(&part.part.experiment.as_str());
        Some(Self {
            steady: part.phase(Phase::Steady).filter(|_| is_wanted)?,
            own: part.shared().find_map(|finding| match finding {
                Shared::Response { time } => Some(time),
                _ => None,
            }),
            part,
        })
    }
}

/// Shows those of the parts that hold one rate: two tables, a chart of all percentiles, and
/// metrics.
pub(crate) fn steady<F>(parts: &[Shown<F>], keys: &Keys, to: &mut View) {
    let rows: Vec<Row> = parts.iter().filter_map(|part| Row::of(part)).collect();
    to.table(latency(keys.latency, &rows));
    to.table(origin(keys.origin, &rows));
    to.chart(percentiles(&rows));
    to.metrics.extend(rows.iter().flat_map(metrics));
    let unanswered = rows.iter().filter(|row| answered(row.steady) < MEDIAN);
    // On a machine that others had, only what failed by itself is the agents' doing.
    let judged = unanswered
        .filter(|row| row.part.withheld(Phase::Steady).is_none() || fails_by_itself(row.steady));
    for row in judged {
        let name = row.part.name();
        to.object(match row.steady.latency.count() {
            0 => format!("{name}: no message came to a good reply"),
            _ => format!("{name}: most messages did not come to a good reply"),
        });
    }
}

/// The shares of messages at which latency is graded.
const MEDIAN: f64 = 0.5;
const P99: f64 = 0.99;

/// Returns the share of messages that came to a good reply, however late. 1 if none was due.
fn answered(steady: &Window) -> f64 {
    match steady.due.saturating_sub(steady.meant) {
        0 => 1.0,
        due => (steady.good + steady.late) as f64 / due as f64,
    }
}

/// Returns an answer with the 99th percentile of these metrics, or with the median where there were
/// too few messages for a percentile.
pub(crate) fn answer(what: &str, metrics: &[Metric]) -> Option<Answer> {
    let p99 = metrics.iter().find(|metric| *metric.quantity == shared::LATENCY_P99);
    let (quantity, what) = match p99 {
        Some(_) => (&shared::LATENCY_P99, what.to_owned()),
        None => (&shared::LATENCY_P50, what.replace("p99", "p50")),
    };
    let first = metrics.iter().find(|metric| metric.quantity == quantity)?;
    answers::beside(answers::at_rate(&what, first), quantity, metrics)
}

fn latency(key: &'static str, rows: &[Row]) -> Table {
    Table::of(key, "Latency, from when a message was due", Topic::Latency, rows)
        .text("load", "load", |row| row.part.part.experiment.clone())
        .text("agent", "agent", |row| row.part.part.agent.clone())
        .text("backend", "backend", |row| row.part.part.backend_name())
        .number("agents", "agents", Form::Integer, |row| Some(row.part.part.agents as f64))
        .number("message", "message", Form::Size, |row| Some(row.part.part.bytes()? as f64))
        .number("offered", "offered/s", Form::Rate, |row| row.part.part.rate)
        .number("good", "good/s", Form::Rate, |row| Some(row.steady.rate()))
        .number("goodput", "good", Form::Share, |row| row.steady.success())
        .percentile("p50", "p50", 0.5, |row| Some(&row.steady.latency))
        .strong()
        .percentile("p90", "p90", 0.9, |row| Some(&row.steady.latency))
        .percentile("p95", "p95", 0.95, |row| Some(&row.steady.latency))
        .percentile("p99", "p99", 0.99, |row| Some(&row.steady.latency))
        .strong()
        .percentile("p999", "p99.9", 0.999, |row| Some(&row.steady.latency))
        .number("max", "max", Form::Time, |row| row.steady.latency.max())
        .done()
}

/// Latency is lag and service; of the service, the agent's own time is a part.
fn origin(key: &'static str, rows: &[Row]) -> Table {
    Table::of(key, "Where the time goes", Topic::Latency, rows)
        .text("load", "load", |row| row.part.part.experiment.clone())
        .text("backend", "backend", |row| row.part.part.backend_name())
        .percentile("lag_p50", "lag p50", 0.5, |row| Some(&row.steady.lag))
        .percentile("lag_p99", "lag p99", 0.99, |row| Some(&row.steady.lag))
        .percentile("service_p50", "service p50", 0.5, |row| Some(&row.steady.service))
        .percentile("service_p99", "service p99", 0.99, |row| Some(&row.steady.service))
        .percentile("agent_p50", "agent p50", 0.5, |row| row.own.as_ref())
        .percentile("agent_p99", "agent p99", 0.99, |row| row.own.as_ref())
        .number("cpu", "CPU/msg", Form::Time, |row| row.steady.cpu_per_message())
        .number("generator_cpu", "generator's CPU", Form::Share, |row| {
            Some(row.steady.generator_cpu_ns as f64 / 1e9 / row.steady.seconds())
        })
        .number("shards", "shards", Form::Integer, |row| Some(row.part.part.shards as f64))
        .done()
}

fn percentiles(rows: &[Row]) -> Chart {
    let series = rows.iter().map(|row| {
        let latency = &row.steady.latency;
        let nines = (latency.count() as f64).log10().min(6.0);
        let steps = (0..=120).map(|step| f64::from(step) / 120.0 * nines);
        let spots = steps.filter_map(|nines| {
            let share = 1.0 - 10_f64.powf(-nines);
            Some(Spot::new(share, latency.quantile(share)?))
        });
        Series::line(row.part.name(), spots.collect())
    });
    Chart {
        topic: Topic::Latency,
        caption: "Latency by percentile, from when a message was due".to_owned(),
        x: Axis::percentiles(),
        y: Axis::log("latency", Form::Time),
        series: series.collect(),
        marks: Vec::new(),
    }
}

fn metrics(row: &Row) -> Vec<Metric> {
    let Row { part, steady, .. } = row;
    let labels = || labels(&part.part);
    let windows = |read: fn(&Point) -> Option<f64>| -> Vec<f64> {
        part.samples(Phase::Steady).filter_map(read).collect()
    };
    let whole = |quantity, value: Option<f64>, read| {
        Some(Metric::whole(quantity, labels(), value?, windows(read)))
    };
    let used = steady.cpu_share() / part.part.agents as f64;
    // A message without a reply has no latency. Where they are more than a percentile leaves out,
    // it would be one of the messages that survived.
    let latency = |share| steady.latency.quantile(share).filter(|_| answered(steady) >= share);
    let supported = steady.latency.supported_quantile(P99);
    let metrics = [
        whole(&shared::LATENCY_P50, latency(MEDIAN), |point| point.p50),
        whole(&shared::LATENCY_P99, supported.and(latency(P99)), |point| point.p99),
        whole(&shared::SUCCESS, steady.success(), |point| {
            (point.due > 0).then(|| (point.good as f64 / point.due as f64).min(1.0))
        }),
        Metric::median(&shared::CPU_PER_MESSAGE, labels(), windows(|point| point.cpu)),
        (used > 0.0).then(|| Metric::single(&shared::CPU_PER_AGENT, labels(), used)),
    ];
    let withheld = part.withheld(Phase::Steady);
    let metrics = metrics.into_iter().flatten();
    let judged = metrics.map(|metric| match metric.quantity.key == shared::SUCCESS.key {
        true if fails_by_itself(steady) => metric,
        _ => metric.withheld(withheld.clone()),
    });
    judged.collect()
}

/// Returns true if most of the missing messages failed. A busy machine makes messages late and
/// mailboxes full, but does not make agents fail: failures count on any machine.
pub(crate) fn fails_by_itself(steady: &Window) -> bool {
    let missing = steady.due.saturating_sub(steady.meant + steady.good);
    let failed = steady.failed.saturating_sub(steady.refused);
    missing > 0 && 2 * failed > missing
}

/// Returns a table of the outcomes of messages in each phase of these parts.
pub(crate) fn phases<F>(parts: &[Shown<F>], key: &'static str, topic: Topic) -> Table {
    let rows = parts.iter().flat_map(|part| {
        let phases = part.phases.iter();
        phases.map(move |phase| (&part.part, phase))
    });
    let rows: Vec<_> = rows.collect();
    let count = |read: fn(&Window) -> u64| move |row: &(_, &Window)| Some(read(row.1) as f64);
    Table::of(key, "Messages of each phase", topic, &rows)
        .text("load", "load", |(part, _)| part.experiment.clone())
        .text("agent", "agent", |(part, _)| part.agent.clone())
        .text("backend", "backend", |(part, _)| part.backend_name())
        .text("phase", "phase", |(_, phase)| phase.phase.name())
        .number("time", "time", Form::Time, |(_, phase)| Some(phase.seconds() * 1e9))
        .number("due", "due", Form::Count, count(|phase| phase.due))
        .number("sent", "sent", Form::Count, count(|phase| phase.sent))
        .number("good", "good", Form::Count, count(|phase| phase.good))
        .number("late", "late", Form::Count, count(|phase| phase.late))
        .number("failed", "failed", Form::Count, count(|phase| phase.failed))
        .number("refused", "refused", Form::Count, count(|phase| phase.refused))
        .number("peak_backlog", "peak backlog", Form::Count, count(|phase| phase.peak_backlog))
        .percentile("p50", "p50", 0.5, |(_, phase)| Some(&phase.latency))
        .percentile("p90", "p90", 0.9, |(_, phase)| Some(&phase.latency))
        .percentile("p95", "p95", 0.95, |(_, phase)| Some(&phase.latency))
        .percentile("p99", "p99", 0.99, |(_, phase)| Some(&phase.latency))
        .percentile("p999", "p99.9", 0.999, |(_, phase)| Some(&phase.latency))
        .number("max", "max", Form::Time, |(_, phase)| phase.latency.max())
        .percentile("lag_p99", "lag p99", 0.99, |(_, phase)| Some(&phase.lag))
        .percentile("service_p99", "service p99", 0.99, |(_, phase)| Some(&phase.service))
        .number("cpu", "CPU/msg", Form::Time, |(_, phase)| phase.cpu_per_message())
        .done()
}

/// Returns a table of each worker's share, if workers sent the messages of these parts.
pub(crate) fn workers<F>(parts: &[Shown<F>], key: &'static str, topic: Topic) -> Table {
    let rows = parts.iter().flat_map(|part| {
        let shares = part.shared().filter_map(|finding| match finding {
            Shared::Workers { workers } => Some(workers),
            _ => None,
        });
        shares.flatten().map(move |share| (part.part.experiment.clone(), share))
    });
    let rows: Vec<(String, WorkerShare)> = rows.collect();
    type Row = (String, WorkerShare);
    let count = |read: fn(&WorkerShare) -> u64| move |row: &Row| Some(read(&row.1) as f64);
    Table::of(key, "Workers", topic, &rows)
        .text("load", "load", |(load, _)| load.clone())
        .text("worker", "worker", |(_, share)| share.name.clone())
        .number("agents", "agents", Form::Integer, count(|share| share.agents.into()))
        .number("sent", "sent", Form::Count, count(|share| share.sent))
        .number("good", "good", Form::Count, count(|share| share.good))
        .number("late", "late", Form::Count, count(|share| share.late))
        .number("failed", "failed", Form::Count, count(|share| share.failed))
        .percentile("p99", "p99", 0.99, |(_, share)| Some(&share.latency))
        .percentile("lag_p50", "lag p50", 0.5, |(_, share)| Some(&share.lag))
        .percentile("lag_p99", "lag p99", 0.99, |(_, share)| Some(&share.lag))
        .number("started", "started within", Form::Time, count(|share| share.started_within_ns))
        .cells("end", "end", None, |(_, share)| match &share.died {
            Some(why) => Cell::text(format!("died: {why}")).seen(Emphasis::Bad),
            None => Cell::text("with the load"),
        })
        .done()
}

/// Returns charts of a part's latency and rate over time, with marks; none for a part of at most
/// two windows.
pub(crate) fn timeline(part: &RunPart, topic: Topic, marks: &[Mark], told: &str) -> Vec<Chart> {
    if part.series.len() <= 2 {
        return Vec::new();
    }
    let is_gap = |point: &Point| point.phase == Phase::Interrupted;
    let processes = part.series.split_inclusive(is_gap);
    let mut points: Vec<Point> = processes.flat_map(thinned).collect();
    let gaps = points.iter().filter(|point| is_gap(point));
    let gaps: Vec<Mark> = gaps.map(|gap| Mark::Band(gap.at - gap.seconds, gap.at)).collect();
    let told = match gaps.len() {
        0 => told,
        _ => ", interrupted where it is shaded",
    };
    // What is left over at the end of a phase is shorter than a window, and would look like a fall.
    let loaded = points.iter().filter(|point| !is_gap(point));
    let longest = loaded.map(|point| point.seconds).fold(0.0, f64::max);
    if points.last().is_some_and(|last| 2.0 * last.seconds < longest) {
        points.pop();
    }
    let line = |name: &str, value: fn(&Point) -> Option<f64>| {
        let spots = points.iter().filter_map(|point| match is_gap(point) {
            true => Some(Spot::gap(point.at)),
            false => Some(Spot::new(point.at, value(point)?)),
        });
        Series::line(name, spots.collect())
    };
    let chart = |caption, y, series| Chart {
        topic,
        caption,
        x: Axis::linear("seconds", Form::Number),
        y,
        series,
        marks: [marks, &gaps].concat(),
    };
    let name = part.name();
    vec![
        chart(
            format!("{name}: latency over time{told}"),
            Axis::log("latency", Form::Time),
            vec![line("p50", |point| point.p50), line("p99", |point| point.p99)],
        ),
        chart(
            format!("{name}: messages per second over time"),
            Axis::linear("messages/s", Form::Rate),
            vec![
                line("due", |point| Some(point.due as f64 / point.seconds)),
                line("good replies", |point| Some(point.good as f64 / point.seconds)),
            ],
        ),
    ]
}
