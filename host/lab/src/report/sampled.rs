//! Agents on backends and rungs: the tables, what they say, and how they were measured.

use super::comparison::Comparison;
use super::ladder::Ladder;
use super::page::list;
use super::table::Style;
use crate::record::Results;
use crate::stats::median_interval;

pub(super) fn blocks(results: &Results, style: Style) -> Vec<String> {
    let mut blocks = Vec::new();
    if !results.comparisons.is_empty() {
        let comparison = Comparison::of(&results.comparisons);
        blocks.push(comparison.table().draw(style));
        blocks.push(list(comparison.sentences(), style));
    }
    if !results.ladders.is_empty() {
        let ladders: Vec<_> = results.ladders.iter().map(Ladder::of).collect();
        blocks.push(Ladder::table(&ladders).draw(style));
        let sentences = ladders.iter().filter_map(Ladder::sentence);
        blocks.push(list(sentences.collect(), style));
    }
    blocks
}

/// For a spreadsheet: one kind of rows after the other, since the two have different columns.
pub(super) fn csv(results: &Results) -> Vec<String> {
    let mut tables = Vec::new();
    if !results.comparisons.is_empty() {
        tables.push(Comparison::of(&results.comparisons).csv());
    }
    if !results.ladders.is_empty() {
        let ladders: Vec<_> = results.ladders.iter().map(Ladder::of).collect();
        tables.push(Ladder::csv(&ladders));
    }
    tables
}

pub(super) fn conditions(results: &Results) -> Vec<String> {
    let mut lines = Vec::new();
    lines.extend(timing_share(results).map(|share| {
        format!(
            "timing itself added at most {:.2} % to a message",
            share * 100.0
        )
    }));
    let is_sampled = !results.comparisons.is_empty() || !results.ladders.is_empty();
    let settings = results.begin.settings.filter(|_| is_sampled);
    lines.extend(settings.map(|settings| {
        format!(
            "{} rounds of fresh instances, interleaved; 95 % intervals of the median",
            settings.rounds
        )
    }));
    lines
}

/// The largest share that timing added to any median.
fn timing_share(results: &Results) -> Option<f64> {
    let cases = results.comparisons.iter().chain(&results.ladders);
    let shares = cases.flat_map(|case| {
        let medians = case
            .sides
            .iter()
            .filter_map(|side| median_interval(&side.ns));
        medians.filter_map(|median| Some(case.timing_ns? / median.value))
    });
    shares.reduce(f64::max)
}
