//! Shows what more agents cost, and the law behind it.

use super::found::{Cost, Found};
use crate::experiments::{Shown, answers, closed_loops, labels};
use crate::metrics::format::grouped;
use crate::metrics::quantity::quantities;
use crate::metrics::{Labels, Metric, Topic, shared};
use crate::record::{ClosedLoop, ClosedWindow, Part};
use crate::stats::{Scalability, median_interval};
use crate::view::{Answer, Axis, Chart, Form, Series, Spot, Table, View};
use sandlab_runtime::BackendKind;

quantities! {
    /// λ of the Universal Scalability Law that fits best: messages per second of one agent
    /// alone.
    ALONE = "scaling-alone", "rate of one agent alone (λ)", PerSecond, Higher, Scaling;
    /// σ of the Universal Scalability Law that fits best: the share of the work that waits for
    /// others.
    CONTENTION = "scaling-contention", "contention (σ)", Share, Lower, Scaling;
    /// κ of the Universal Scalability Law that fits best: what each pair of agents costs, as a
    /// share of the work.
    COHERENCE = "scaling-coherence", "coherence (κ)", Share, Lower, Scaling;
}

/// A number of agents with what they cost and did.
struct Row<'a> {
    shown: &'a Shown<'a, Found>,
    part: &'a Part,
    load: ClosedLoop,
    cost: Cost,
    counted: ClosedWindow,
}

impl<'a> Row<'a> {
    fn of(shown: &'a Shown<Found>) -> Option<Self> {
        let Found::Cost(cost) = shown.found.first()?;
        Some(Self {
            shown,
            part: &shown.part,
            load: shown.part.closed?,
            cost: *cost,
            counted: shown.closed()?,
        })
    }

    fn agents(&self) -> f64 {
        self.part.agents as f64
    }

    fn spawn_ns(&self) -> f64 {
        self.cost.spawned_in * 1e9 / self.agents()
    }

    fn resident(&self) -> Option<f64> {
        Some(self.cost.resident? as f64 / self.agents())
    }
}

pub(super) fn show(parts: &[Shown<Found>], to: &mut View) {
    let rows: Vec<Row> = parts.iter().filter_map(Row::of).collect();
    to.table(table(&rows));
    charts(&rows, to);
    for part in parts {
        closed_loops::note(part, to);
    }
    let metrics: Vec<Metric> = rows.iter().flat_map(metrics).collect();
    most(&metrics, to);
    to.metrics.extend(metrics);
    for kind in BackendKind::ALL {
        law(&rows, kind, to);
    }
}

/// Answers what the most agents cost and do.
fn most(metrics: &[Metric], to: &mut View) {
    let agents = |metric: &&Metric| {
        metric.labels.get("agents").and_then(|agents| agents.parse::<usize>().ok()).unwrap_or(0)
    };
    let Some(most) = metrics.iter().map(|metric| agents(&metric)).max() else {
        return;
    };
    let of_most: Vec<&Metric> = metrics.iter().filter(|metric| agents(metric) == most).collect();
    for (question, quantity) in [
        (format!("messages, {} agents", grouped(most as f64)), &shared::THROUGHPUT),
        ("memory per agent".to_owned(), &shared::MEMORY_PER_AGENT),
        ("start of many".to_owned(), &shared::SPAWN_PER_AGENT),
    ] {
        let answer = answers::beside(question, quantity, of_most.iter().copied());
        to.answer(answer.map(Answer::aside));
    }
}

fn metrics(row: &Row) -> Vec<Metric> {
    let labels = labels(row.part);
    let spawn = Metric::single(&shared::SPAWN_PER_AGENT, labels.clone(), row.spawn_ns())
        .withheld(row.shown.disturbed());
    let memory = row
        .resident()
        .map(|bytes| Metric::single(&shared::MEMORY_PER_AGENT, labels.clone(), bytes));
    let mut metrics = closed_loops::metrics(row.shown, &labels);
    metrics.push(spawn);
    metrics.extend(memory);
    metrics
}

fn table(rows: &[Row]) -> Table {
    Table::of("scale", "What more agents cost", Topic::Scaling, rows)
        .text("agent", "agent", |row| row.part.agent.clone())
        .text("backend", "backend", |row| row.part.backend_name())
        .number("agents", "agents", Form::Integer, |row| Some(row.agents()))
        .number("message", "message", Form::Size, |row| Some(row.load.size as f64))
        .number("spawn_all", "spawn, all", Form::Time, |row| Some(row.cost.spawned_in * 1e9))
        .number("spawn", "spawn/agent", Form::Time, |row| Some(row.spawn_ns()))
        .number("connections", "connections", Form::Integer, |row| {
            Some(row.load.connections as f64)
        })
        .number("in_flight", "in flight", Form::Count, |row| Some(row.counted.in_flight()))
        .number("rate", "messages/s", Form::Rate, |row| Some(row.counted.rate()))
        .strong()
        .number("mean", "mean time", Form::Time, |row| row.counted.mean_ns())
        .number("cpu", "CPU/msg", Form::Time, |row| row.counted.cpu_per_message())
        .number("rss", "RSS/agent", Form::Size, Row::resident)
        .number("linear", "linear memory/agent", Form::Size, |row| {
            let all = row.cost.linear_memory;
            (all > 0).then(|| all as f64 / row.agents())
        })
        .done()
}

/// Draws throughput and the start of one agent, by the number of agents.
fn charts(rows: &[Row], to: &mut View) {
    let by_backend = |spot: fn(&Row) -> Option<Spot>| {
        let kinds = BackendKind::ALL.into_iter().map(|kind| {
            let of_kind = rows.iter().filter(|row| row.part.backend == Some(kind));
            Series::dotted(kind.name(), of_kind.filter_map(spot).collect())
        });
        kinds.filter(|series| !series.is_empty()).collect()
    };
    let chart = |y, series, caption: &str| Chart {
        topic: Topic::Scaling,
        caption: caption.to_owned(),
        x: Axis::log("agents", Form::Count),
        y,
        series,
        marks: Vec::new(),
    };
    let rates = by_backend(|row| {
        let windows = row.shown.closed_windows();
        let rates: Vec<f64> = windows.iter().map(ClosedWindow::rate).collect();
        let rate = median_interval(&rates)?;
        Some(Spot { range: rate.ends(), ..Spot::new(row.agents(), rate.value) })
    });
    let starts = by_backend(|row| Some(Spot::new(row.agents(), row.spawn_ns())));
    to.chart(chart(
        Axis::log("messages/s", Form::Rate),
        rates,
        "Throughput by the number of agents, median of the windows with its 95 % interval",
    ));
    to.chart(chart(
        Axis::log("spawn/agent", Form::Time),
        starts,
        "Time to start one agent, by how many are started",
    ));
}

/// Shows the law of one backend, if there are enough numbers of agents for one.
fn law(rows: &[Row], kind: BackendKind, to: &mut View) {
    let of_kind = || rows.iter().filter(|row| row.part.backend == Some(kind));
    let points: Vec<(f64, f64)> = of_kind().map(|row| (row.agents(), row.counted.rate())).collect();
    let Some((law, row)) = Scalability::fit(&points).zip(of_kind().next()) else {
        return;
    };
    let labels = || {
        Labels::new()
            .with("experiment", &row.part.experiment)
            .with("agent", &row.part.agent)
            .with_some("size", row.part.bytes())
            .with("backend", kind)
    };
    // A law through disturbed points is that of the disturbance.
    let withheld = of_kind().find_map(|row| row.shown.closed_tally().withheld("windows"));
    for (quantity, value) in
        [(&ALONE, law.lambda), (&CONTENTION, law.sigma), (&COHERENCE, law.kappa)]
    {
        to.metric(Metric::single(quantity, labels(), value).withheld(withheld.clone()));
    }
    let peak = match law.peak() {
        Some(peak) => format!("it is highest with {} agents", grouped(peak)),
        None => "more agents never make it less".to_owned(),
    };
    to.finding(
        Topic::Scaling,
        format!(
            "{kind}, Universal Scalability Law: one agent alone λ = {}/s; σ = {:.4}, the share of \
             the work that waits for others; κ = {:.1e}, what each pair of agents costs, so that \
             {peak}; the law is at most {:.0} % off",
            grouped(law.lambda),
            law.sigma,
            law.kappa,
            law.worst * 100.0
        ),
    );
}
