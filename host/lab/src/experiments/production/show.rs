//! Shows what agents did in production.

use super::found::{Found, Served};
use crate::experiments::Shown;
use crate::metrics::format::grouped;
use crate::metrics::shared::{LATENCY_P50, LATENCY_P99, SUCCESS};
use crate::metrics::{Labels, Metric, Topic};
use crate::view::{Answer, Axis, Chart, Form, Series, Spot, Table, View};
use std::collections::BTreeMap;

pub(super) fn show(parts: &[Shown<Found>], to: &mut View) {
    let mut agents: BTreeMap<&str, Vec<&Served>> = BTreeMap::new();
    for Found::Served(served) in parts.iter().flat_map(|part| &part.found) {
        agents.entry(&served.agent).or_default().push(served);
    }
    let all: Vec<Served> = agents.values().filter_map(|windows| merged(windows)).collect();
    to.table(table(&all));
    to.chart(chart(&agents, "messages/s", Axis::linear("messages/s", Form::Rate), |served| {
        Some(served.messages() as f64 / served.seconds)
    }));
    to.chart(chart(&agents, "p99 at most", Axis::log("p99 at most", Form::Time), |served| {
        served.at_most(0.99)
    }));
    for (agent, windows) in &agents {
        let labels = || Labels::new().with("experiment", super::KIND).with("agent", agent);
        let of = |value: fn(&Served) -> Option<f64>| -> Vec<f64> {
            windows.iter().filter_map(|served| value(served)).collect()
        };
        to.metric(Metric::median(&SUCCESS, labels(), of(Served::success)));
        to.metric(Metric::median(&LATENCY_P50, labels(), of(|served| served.at_most(0.5))));
        to.metric(Metric::median(&LATENCY_P99, labels(), of(|served| served.at_most(0.99))));
    }
    for served in &all {
        to.answer(answer(served));
    }
}

fn merged(windows: &[&Served]) -> Option<Served> {
    let (first, rest) = windows.split_first()?;
    let mut all = (*first).clone();
    rest.iter().for_each(|served| all.add(served));
    Some(all)
}

fn table(all: &[Served]) -> Table {
    let integer = |value: u64| Some(value as f64);
    Table::of("production", "In production", Topic::Load, all)
        .text("agent", "agent", |served| served.agent.clone())
        .number("messages", "messages", Form::Integer, move |served| integer(served.messages()))
        .number("success", "answered", Form::Share, Served::success)
        .strong()
        .number("failed", "failed", Form::Integer, move |served| integer(served.failed))
        .number("refused", "refused", Form::Integer, move |served| integer(served.refused))
        .number("unanswered", "unanswered", Form::Integer, move |served| integer(served.unanswered))
        .number("p50", "p50 at most", Form::Time, |served| served.at_most(0.5))
        .number("p99", "p99 at most", Form::Time, |served| served.at_most(0.99))
        .number("restarts", "restarts", Form::Integer, move |served| integer(served.restarts))
        .number("memory", "linear memory", Form::Size, move |served| integer(served.linear_memory))
        .done()
}

fn chart(
    agents: &BTreeMap<&str, Vec<&Served>>,
    what: &str,
    y: Axis,
    value: impl Fn(&Served) -> Option<f64>,
) -> Chart {
    let series = agents.iter().map(|(agent, windows)| {
        let spots = windows
            .iter()
            .filter_map(|served| Some(Spot { x: served.at, y: value(served)?, range: None }));
        Series::line(*agent, spots.collect())
    });
    Chart {
        topic: Topic::Load,
        caption: format!("{what} of each agent, from one snapshot to the next"),
        x: Axis::linear("seconds", Form::Count),
        y,
        series: series.filter(|series| !series.is_empty()).collect(),
        marks: Vec::new(),
    }
}

fn answer(served: &Served) -> Answer {
    let answered = served.success().map_or_else(|| "-".to_owned(), |it| Form::Share.brief(it));
    let bounds = [("p50", served.at_most(0.5)), ("p99", served.at_most(0.99))];
    let bounds = bounds
        .into_iter()
        .filter_map(|(name, bound)| Some(format!("{name} at most {}", Form::Time.brief(bound?))));
    let restarts = (served.restarts > 0).then(|| format!("{} restarts", served.restarts));
    Answer::new(Topic::Load, &served.agent, answered)
        .remark(format!("answered of {} messages", grouped(served.messages() as f64)))
        .remark(bounds.collect::<Vec<_>>().join(", "))
        .remark(restarts.unwrap_or_default())
}
