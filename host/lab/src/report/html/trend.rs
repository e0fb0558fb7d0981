//! How some measures went over the stored runs of the same command.

use super::chart::{Axis, Chart, Series, Spot};
use crate::Result;
use crate::report::runs::seconds;
use crate::report::table::{Align, Cell, Style, Table};
use crate::report::whole::{Past, Whole, shown};
use crate::verdict::{Measure, TOPICS};

/// Measures that are shown.
const MOST: usize = 4;

/// The chart and its table; nothing with fewer than two runs.
///
/// # Errors
/// If the chart cannot be drawn.
pub fn section(whole: &Whole) -> Result<String> {
    let runs = &whole.trend;
    let chosen = chosen(runs);
    if runs.len() < 2 || chosen.is_empty() {
        return Ok(String::new());
    }
    let series = chosen.iter().map(|name| {
        let found = runs
            .iter()
            .enumerate()
            .filter_map(|(index, run)| Some((index, find(run, name)?)));
        let found: Vec<_> = found.collect();
        let first = found
            .first()
            .map_or(1.0, |(_, measure)| measure.value.value);
        let spots = found.iter().map(|(index, measure)| {
            let value = measure.value;
            let range = value
                .low
                .zip(value.high)
                .map(|(low, high)| (low / first, high / first));
            Spot {
                x: *index as f64,
                y: value.value / first,
                range,
            }
        });
        Series {
            dots: true,
            ..Series::line(*name, spots.collect())
        }
    });
    let numbers: Vec<_> = runs.iter().map(|run| run.run.to_string()).collect();
    let last = numbers.len() - 1;
    let chart = Chart {
        x: Axis::linear("run", move |at| {
            let is_run = at.fract() == 0.0 && at >= 0.0;
            let number = is_run.then(|| numbers.get(at as usize).cloned());
            number.flatten().unwrap_or_default()
        }),
        y: Axis::log("of the first run", |ratio| format!("{ratio:.2}")),
        series: series.collect(),
        marks: Vec::new(),
    };
    let figure = chart.figure(&format!(
        "The last {} runs of `{}`, each measure by what it was in the first, with its 95 % interval",
        last + 1,
        whole.results.begin.command
    ))?;
    Ok(format!(
        "<section id=trend>\n<h2>Trend</h2>\n{figure}{}</section>\n",
        table(runs, &chosen).draw(Style::Html)
    ))
}

/// Some of each topic that this run and an earlier one have, with intervals.
fn chosen(runs: &[Past]) -> Vec<&str> {
    let Some((now, before)) = runs.split_last() else {
        return Vec::new();
    };
    let is_shared =
        |measure: &&Measure| before.iter().any(|run| find(run, &measure.name).is_some());
    let firsts = TOPICS.into_iter().filter_map(|topic| {
        let of_topic = now.measures.iter().filter(|measure| measure.topic == topic);
        let with_interval = of_topic.filter(|measure| measure.value.low.is_some());
        with_interval
            .filter(is_shared)
            .map(|measure| measure.name.as_str())
            .next()
    });
    firsts.take(MOST).collect()
}

fn find<'a>(run: &'a Past, name: &str) -> Option<&'a Measure> {
    run.measures.iter().find(|measure| measure.name == name)
}

fn table(runs: &[Past], chosen: &[&str]) -> Table {
    let mut columns = [("", Align::Right); 3 + MOST];
    columns[..3].copy_from_slice(&[
        ("run", Align::Right),
        ("started", Align::Left),
        ("commit", Align::Left),
    ]);
    for (column, name) in columns[3..].iter_mut().zip(chosen) {
        *column = (name, Align::Right);
    }
    let mut table = Table::new(columns);
    for run in runs {
        let mut cells: [String; 3 + MOST] = Default::default();
        cells[0] = run.run.to_string();
        cells[1] = seconds(&run.started);
        cells[2] = run.commit.clone().unwrap_or_else(|| "-".to_owned());
        for (cell, name) in cells[3..].iter_mut().zip(chosen) {
            let measure = find(run, name);
            *cell = measure.map_or_else(
                || "-".to_owned(),
                |measure| shown(measure.unit, measure.value.value),
            );
        }
        table.add(cells.map(Cell::plain));
    }
    table
}
