//! The course of some metrics over the stored runs of the same command.

use super::svg;
use crate::Result;
use crate::metrics::{Metric, Topic};
use crate::report::run_report::{Past, RunReport};
use crate::report::runs::seconds;
use crate::report::table::{Style, draw};
use crate::view::{Axis, Cell, Chart, Emphasis, Form, Mark, Series, Spot, Table, Value};

/// The number of metrics that are shown.
const MOST: usize = 4;

/// Returns the chart and its table; empty with fewer than two runs.
///
/// # Errors
/// If the chart cannot be drawn.
pub(super) fn section(report: &RunReport) -> Result<String> {
    let runs = &report.trend;
    let chosen = chosen(runs);
    if runs.len() < 2 || chosen.is_empty() {
        return Ok(String::new());
    }
    let noisy = runs.iter().enumerate().filter(|(_, run)| run.noise.is_some());
    let marks: Vec<Mark> =
        noisy.map(|(at, _)| Mark::Band(at as f64 - 0.4, at as f64 + 0.4)).collect();
    let chart = Chart {
        topic: Topic::Overhead,
        caption: format!(
            "The last {} runs of `{}`, each metric ÷ what it was in the first, with its 95 % \
             interval{}",
            runs.len(),
            report.run.begin.command,
            if marks.is_empty() { "" } else { "; runs on a busy machine are shaded" }
        ),
        x: Axis::labels("run", runs.iter().map(|run| run.run.to_string()).collect()),
        y: Axis::log("÷ first run", Form::Ratio),
        series: chosen.iter().map(|metric| series(metric, runs)).collect(),
        marks,
    };
    Ok(format!(
        "<section id=trend>\n<h2>Trend</h2>\n{}{}</section>\n",
        svg::figure(&chart)?,
        draw(&table(runs, &chosen), Style::Html)
    ))
}

/// Returns a metric over the runs, each value ÷ the first.
fn series(metric: &Metric, runs: &[Past]) -> Series {
    let found = runs.iter().enumerate();
    let found = found.filter_map(|(index, run)| Some((index, find(run, metric)?)));
    let found: Vec<_> = found.collect();
    let first = found.first().map_or(1.0, |(_, metric)| metric.value.value);
    let spots = found.iter().map(|(index, metric)| Spot {
        x: *index as f64,
        y: metric.value.value / first,
        range: metric.value.ends().map(|(low, high)| (low / first, high / first)),
    });
    Series::dotted(metric.name(), spots.collect())
}

/// Returns the first metric of each topic that this run and an earlier one have, with interval.
fn chosen(runs: &[Past]) -> Vec<&Metric> {
    let Some((now, before)) = runs.split_last() else {
        return Vec::new();
    };
    let is_shared = |metric: &&Metric| before.iter().any(|run| find(run, metric).is_some());
    let firsts = Topic::ALL.into_iter().filter_map(|topic| {
        let of_topic = now.metrics.iter().filter(|metric| metric.quantity.topic == topic);
        let mut with_interval = of_topic.filter(|metric| metric.value.low.is_some());
        with_interval.find(is_shared)
    });
    firsts.take(MOST).collect()
}

fn find<'a>(run: &'a Past, wanted: &Metric) -> Option<&'a Metric> {
    let key = wanted.key();
    run.metrics.iter().find(|metric| metric.key() == key)
}

fn table(runs: &[Past], chosen: &[&Metric]) -> Table {
    let columns = Table::of("trend", "Trend", Topic::Overhead, runs)
        .number("run", "run", Form::Integer, |run| Some(run.run as f64))
        .text("started", "started", |run| seconds(&run.started))
        .text("commit", "commit", |run| run.commit.clone().unwrap_or_else(|| "-".to_owned()))
        .cells("machine", "machine", None, |run| match &run.noise {
            Some(noise) => Cell::text(noise).seen(Emphasis::Bad),
            None => Cell::text("quiet"),
        });
    let all = chosen.iter().fold(columns, |columns, metric| {
        let form = Form::from(metric.quantity.unit);
        columns.cells(metric.quantity.key, metric.name(), Some(form), |run| {
            Value::number(find(run, metric).map(|metric| metric.value.value), form).into()
        })
    });
    all.done()
}
