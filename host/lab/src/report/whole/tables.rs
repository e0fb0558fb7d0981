//! Measures as tables: alone, or beside a baseline.

use super::Whole;
use crate::metrics::format::{grouped, or_dash, percent, plain, quoted, range, size, time, times};
use crate::report::table::{Align, Cell, Style, Table};
use crate::report::{footprint, load, memory_limits, plan, sampled, spawn};
use crate::verdict::{Change, Measure, Moved, Unit};

/// A number with its unit.
pub fn shown(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Nanoseconds => time(value),
        Unit::PerSecond => grouped(value),
        Unit::Bytes => size(value.max(0.0) as u64),
        Unit::Ratio => times(value),
        Unit::Share => percent(value),
    }
}

/// `+12.3 %`, or a dash where there was nothing before.
pub fn moved(change: &Change) -> String {
    or_dash(change.relative, |relative| {
        format!("{:+.1} %", relative * 100.0)
    })
}

/// Baseline, current, change.
pub fn change_table(changes: &[&Change]) -> Table {
    let mut table = Table::new([
        ("Metric", Align::Left),
        ("Baseline", Align::Right),
        ("Current", Align::Right),
        ("95 % interval", Align::Right),
        ("Change", Align::Right),
        ("Verdict", Align::Left),
    ]);
    for change in changes {
        let unit = change.current.unit;
        let moved = moved(change);
        let is_moved = matches!(change.verdict, Moved::Regressed | Moved::Improved);
        table.add([
            Cell::plain(&change.current.name),
            Cell::plain(shown(unit, change.baseline.value)),
            Cell::plain(shown(unit, change.current.value.value)),
            Cell::dim(range(change.current.value, |value| shown(unit, value))),
            if is_moved {
                Cell::strong(moved)
            } else {
                Cell::plain(moved)
            },
            Cell::plain(change.verdict.name()),
        ]);
    }
    table
}

/// What there is, where there is no baseline.
pub fn current_table(measures: &[&Measure]) -> Table {
    let mut table = Table::new([
        ("Metric", Align::Left),
        ("Current", Align::Right),
        ("95 % interval", Align::Right),
    ]);
    for measure in measures {
        table.add([
            Cell::plain(&measure.name),
            Cell::plain(shown(measure.unit, measure.value.value)),
            Cell::dim(range(measure.value, |value| shown(measure.unit, value))),
        ]);
    }
    table
}

/// The tables of every experiment, by what they tell of.
pub fn details(whole: &Whole, style: Style) -> Vec<(&'static str, Vec<String>)> {
    let results = &whole.results;
    let [throughput, latency, scaling, loads] = load::sections(results, style);
    let all = vec![
        throughput,
        latency,
        ("Resource Usage", footprint::blocks(results, style)),
        ("Overhead", sampled::blocks(results, style)),
        ("Spawn", spawn::blocks(results, style)),
        ("Memory Limits", memory_limits::blocks(results, style)),
        ("Density", plan::blocks(results, style)),
        scaling,
        loads,
    ];
    let some = all.into_iter().map(|(name, mut blocks)| {
        blocks.retain(|block| !block.trim().is_empty());
        (name, blocks)
    });
    some.filter(|(_, blocks)| !blocks.is_empty()).collect()
}

/// For a spreadsheet; numbers in nanoseconds, a second, bytes, or of one.
pub fn changes_csv(changes: &[Change]) -> String {
    let mut text = "metric,baseline,baseline_low,baseline_high,current,current_low,current_high,change,verdict\n".to_owned();
    for change in changes {
        let (before, now) = (change.baseline, change.current.value);
        let numbers = [
            Some(before.value),
            before.low,
            before.high,
            Some(now.value),
            now.low,
            now.high,
            change.relative,
        ];
        text += &format!(
            "{},{},{}\n",
            quoted(&change.current.name),
            numbers.map(plain).join(","),
            change.verdict.name()
        );
    }
    text
}
