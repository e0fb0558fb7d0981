//! Shows what a message costs on each backend, and by how much more than on the native twin.

use super::Part;
use crate::metrics::Topic;
use crate::metrics::format::{size, times};
use crate::sampling::backends::PORTABLE;
use crate::stats::{Estimate, geometric_mean, median_interval};
use crate::view::{Form, Table, View};
use crate::workload::{COMPUTE, SIZES};
use sandlab_runtime::BackendKind;

/// One agent, size and backend.
struct Row<'a> {
    part: &'a Part<'a>,
    backend: &'a str,
    /// Nanoseconds per message.
    ns: Estimate,
    /// This backend ÷ the native twin, in the same round.
    ratio: Option<Estimate>,
    rounds: usize,
}

pub(super) fn show(parts: &[&Part], to: &mut View) {
    let mut rows: Vec<Row> = parts.iter().flat_map(|part| rows_of(part)).collect();
    if rows.is_empty() {
        return;
    }
    to.table(table(&rows));
    // Nothing is concluded from what others' processes made of it.
    rows.retain(|row| row.part.rounds_tally().withheld("rounds").is_none());
    let means: Vec<_> = SIZES.into_iter().filter_map(|size| mean(size, &rows)).collect();
    for (bytes, agents, ratio) in &means {
        let (bytes, ratio) = (size(*bytes as u64), times(*ratio));
        let sentence = format!(
            "wasm costs {ratio} times native at {bytes}: geometric mean of {agents} computing agents"
        );
        to.finding(Topic::Overhead, sentence);
    }
    for (bytes, ratio) in SIZES.into_iter().filter_map(|size| like_for_like(size, &rows)) {
        let (bytes, ratio) = (size(bytes as u64), times(ratio));
        let sentence = format!(
            "like for like, by instructions that both have, it costs {ratio} times native at {bytes}"
        );
        to.finding(Topic::Overhead, sentence);
    }
    for kind in BackendKind::ALL {
        // A mean of one row is that row.
        let Some((count, ratio)) = overall(kind, &rows).filter(|(count, _)| *count > 1) else {
            continue;
        };
        let ratio = times(ratio);
        let sentence =
            format!("{kind} costs {ratio} times native: geometric mean of all {count} rows");
        to.finding(Topic::Overhead, sentence);
    }
}

fn table(rows: &[Row]) -> Table {
    Table::of("compare", "Time per message", Topic::Overhead, rows)
        .text("agent", "agent", |row| row.part.part.agent.clone())
        .number("message", "message", Form::Size, |row| {
            row.part.part.bytes().map(|bytes| bytes as f64)
        })
        .text("backend", "backend", |row| row.backend.to_owned())
        .number("time", "time/msg", Form::Time, |row| Some(row.ns.value))
        .interval("time", Form::Time, |row| Some(row.ns))
        .aside()
        .number("vs_native", "vs native", Form::Ratio, |row| Some(row.ratio?.value))
        .strong()
        .cost()
        .interval("vs_native", Form::Ratio, |row| row.ratio)
        .number("rounds", "rounds", Form::Integer, |row| Some(row.rounds as f64))
        .aside()
        .pivot("backend", &["time", "vs_native"])
        .done()
}

fn rows_of<'a>(part: &'a Part<'a>) -> impl Iterator<Item = Row<'a>> {
    let native = BackendKind::Native.name();
    part.rounds.sides.iter().filter_map(move |side| {
        let ratio = median_interval(&part.rounds.ratios(&side.side, native));
        Some(Row {
            part,
            backend: &side.side,
            ns: median_interval(&side.ns)?,
            ratio: ratio.filter(|_| side.side != native),
            rounds: side.ns.len(),
        })
    })
}

/// Returns the number of a backend's ratios, and their geometric mean.
fn overall(backend: BackendKind, rows: &[Row]) -> Option<(usize, f64)> {
    let rows = rows.iter().filter(|row| row.backend == backend.name());
    let ratios: Vec<f64> = rows.filter_map(|row| Some(row.ratio?.value)).collect();
    Some((ratios.len(), geometric_mean(&ratios)?))
}

/// Returns the size, the number of computing reference agents, and the geometric mean of their
/// wasm ÷ native at this size.
fn mean(size: usize, rows: &[Row]) -> Option<(usize, usize, f64)> {
    let ratios = computing(size, rows).filter_map(|row| Some(row.ratio?.value));
    let ratios: Vec<f64> = ratios.collect();
    Some((size, ratios.len(), geometric_mean(&ratios)?))
}

/// Returns the size and the same mean over portable twins where there are any; `None` if there are
/// none.
fn like_for_like(size: usize, rows: &[Row]) -> Option<(usize, f64)> {
    let of_computing = || computing(size, rows);
    of_computing().find(|row| portable_ratio(row.part).is_some())?;
    let ratios = of_computing().filter_map(|row| portable_ratio(row.part).or(row.ratio));
    let ratios: Vec<f64> = ratios.map(|ratio| ratio.value).collect();
    Some((size, geometric_mean(&ratios)?))
}

/// Returns the sandbox's rows of the computing reference agents at a size.
fn computing<'a>(size: usize, rows: &'a [Row<'a>]) -> impl Iterator<Item = &'a Row<'a>> {
    rows.iter().filter(move |row| {
        row.part.part.size == Some(size)
            && row.backend == BackendKind::Wasm.name()
            && COMPUTE.contains(&row.part.part.agent.as_str())
    })
}

/// Returns the sandbox ÷ the portable twin; `None` if there is none.
pub(super) fn portable_ratio(part: &Part) -> Option<Estimate> {
    median_interval(&part.rounds.ratios(BackendKind::Wasm.name(), PORTABLE))
}
