//! Shows what idle agents cost.

use super::found::Found;
use crate::experiments::{Shown, answers, labels};
use crate::metrics::quantity::quantities;
use crate::metrics::{Metric, Topic};
use crate::stats::{Estimate, median_interval};
use crate::view::{Axis, Chart, Form, Series, Spot, Table, View};
use sandlab_runtime::BackendKind;

quantities! {
    /// CPU of the whole process while so many agents are idle, as a share of one core.
    IDLE_AGENTS_CPU = "idle-agents-cpu", "CPU of idle agents", Share, Lower, Resources;
}

/// A number of agents, and the share of a core by window.
type Row<'a> = (&'a Shown<'a, Found>, &'a [f64]);

pub(super) fn show(parts: &[Shown<Found>], to: &mut View) {
    let rows: Vec<Row> = parts
        .iter()
        .flat_map(|part| part.found.iter().map(move |Found::Idle { cpu }| (part, cpu.as_slice())))
        .collect();
    to.table(table(&rows));
    to.chart(chart(&rows));
    let before = to.metrics.len();
    for (part, cpu) in rows {
        let metric = Metric::median(&IDLE_AGENTS_CPU, labels(&part.part), cpu.to_vec());
        to.metric(metric.map(|metric| metric.withheld(part.disturbed())));
    }
    // The most agents were watched last.
    let metrics = to.metrics[before..].iter().rev();
    to.answer(answers::beside("CPU of idle agents", &IDLE_AGENTS_CPU, metrics));
}

fn table(rows: &[Row]) -> Table {
    let median = |(_, cpu): &Row| median_interval(cpu);
    Table::of("idle", "Idle agents", Topic::Resources, rows)
        .text("agent", "agent", |(part, _)| part.part.agent.clone())
        .text("backend", "backend", |(part, _)| part.part.backend_name())
        .number("agents", "agents", Form::Integer, |(part, _)| Some(part.part.agents as f64))
        .number("cpu", "CPU", Form::SmallShare, |row| Some(median(row)?.value))
        .strong()
        .interval("cpu", Form::SmallShare, median)
        .number("per_agent", "CPU/s per agent", Form::Time, |row| {
            Some(median(row)?.value * 1e9 / row.0.part.agents as f64)
        })
        .done()
}

fn chart(rows: &[Row]) -> Chart {
    let series = BackendKind::ALL.into_iter().map(|kind| {
        let of_kind = rows.iter().filter(|(part, _)| part.part.backend == Some(kind));
        let spots = of_kind.filter_map(|(part, cpu)| {
            let cpu = median_interval(cpu)?;
            Some(Spot { x: part.part.agents as f64, y: cpu.value, range: Estimate::ends(&cpu) })
        });
        Series::dotted(kind.name(), spots.collect())
    });
    Chart {
        topic: Topic::Resources,
        caption: "CPU of the process by the number of idle agents, with its 95 % interval"
            .to_owned(),
        x: Axis::log("agents", Form::Count),
        y: Axis::linear("of one core", Form::SmallShare),
        series: series.filter(|series| !series.is_empty()).collect(),
        marks: Vec::new(),
    }
}
