//! Charts of comparisons and ladders.

use super::attribution::Ladder;
use super::{Part, ends};
use crate::metrics::Topic;
use crate::metrics::format::{difference, size, time};
use crate::stats::median_interval;
use crate::view::{Axis, Chart, Form, Mark, Series, Spot, View};
use sandlab_runtime::BackendKind;

/// Draws what each rung adds, from the native call to the whole sandbox.
pub(super) fn waterfall(ladder: &Ladder, to: &mut View) {
    let names = ladder.rungs.iter().map(|rung| {
        let step = rung.step.map(|step| difference(step.value));
        format!("{}  {}", rung.name, step.unwrap_or_else(|| time(rung.ns.value)))
    });
    let names: Vec<String> = names.collect();
    let (mut lowest, mut more, mut less, mut intervals) = (vec![], vec![], vec![], vec![]);
    let mut level = 0.0;
    for (index, rung) in ladder.rungs.iter().enumerate() {
        let (index, from) = (index as f64, level);
        let Some(step) = rung.step else {
            level = rung.ns.value;
            lowest.push((index, 0.0, level));
            continue;
        };
        level += step.value;
        let bars = if step.value < 0.0 { &mut less } else { &mut more };
        bars.push((index, from, level));
        intervals.push(Spot {
            x: level,
            y: index,
            range: step.ends().map(|(low, high)| (from + low, from + high)),
        });
    }
    to.chart(Chart {
        topic: Topic::Overhead,
        caption: format!(
            "Where the cost of {} at {} comes from: each rung's step, with its 95 % interval",
            ladder.agent,
            size(ladder.bytes)
        ),
        x: Axis::linear("time/msg", Form::Time),
        y: Axis::names("rung", names),
        series: vec![
            Series::bars("native", lowest),
            Series { spots: intervals, dots: false, ..Series::bars("a rung adds", more) },
            Series::bars("a rung saves", less),
        ],
        marks: Vec::new(),
    });
}

/// Rounds that are drawn of each agent and size.
const MOST_ROUNDS: usize = 60;

/// Draws every round's ratio to native, and their median.
pub(super) fn ratios(parts: &[&Part], to: &mut View) {
    let native = BackendKind::Native.name();
    let ratios = parts.iter().map(|part| {
        let name = format!("{} {}", part.part.agent, size(part.part.bytes().unwrap_or(0)));
        (name, part.rounds.ratios(BackendKind::Wasm.name(), native))
    });
    let ratios: Vec<_> = ratios.filter(|(_, ratios)| !ratios.is_empty()).collect();
    let indexed = || ratios.iter().enumerate().map(|(index, (_, ratios))| (index as f64, ratios));
    let rounds = indexed().flat_map(|(y, ratios)| {
        let mut sorted = ratios.clone();
        sorted.sort_by(f64::total_cmp);
        let every = ratios.len().div_ceil(MOST_ROUNDS).max(1);
        sorted.into_iter().step_by(every).map(move |ratio| Spot::new(ratio, y))
    });
    let medians = indexed().filter_map(|(y, ratios)| {
        Some(Spot { x: median_interval(ratios)?.value, y, range: ends(ratios) })
    });
    to.chart(Chart {
        topic: Topic::Overhead,
        caption: "wasm ÷ native: how the rounds are distributed (the line is native)".to_owned(),
        x: Axis::log("vs native", Form::Ratio),
        y: Axis::names("agent", ratios.iter().map(|(name, _)| name.clone()).collect()),
        // The rounds first, so that the medians lie on them.
        series: vec![
            Series::dots("a round", rounds.collect()),
            Series::dots("the median, with its 95 % interval", medians.collect()),
        ],
        marks: vec![Mark::At(1.0)],
    });
}
