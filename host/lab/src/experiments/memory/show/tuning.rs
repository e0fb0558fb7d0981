//! Shows the result of tuning: the limit to paste, why it is right, and the working set.

use super::super::{Curve, PAGE, Tried, Tuned, Unsettled};
use crate::metrics::Topic;
use crate::metrics::format::{limit, size};
use crate::record::Part;
use crate::view::{Form, Table, View};

/// Rows of a curve, at most; the file has all.
const ROWS: usize = 8;

type Row<'a> = (&'a Part, &'a Tuned);

pub(super) fn show(found: &[Row], unsettled: &[(&Part, &Unsettled)], to: &mut View) {
    to.table(limits(found));
    to.table(curves(found, unsettled));
    for (part, tuned) in found {
        sentences(part, tuned, to);
        to.snippet(Topic::MemoryLimits, paste(part, tuned));
    }
}

fn limits(found: &[Row]) -> Table {
    let bytes = |read: fn(&Tuned) -> u64| move |(_, tuned): &Row| Some(read(tuned) as f64);
    let clean = |read: fn(&Tuned) -> &Tried| {
        move |(_, tuned): &Row| {
            let tried = read(tuned);
            format!("{} of {}", tried.clean, tried.tries)
        }
    };
    Table::of("tuning", "Memory limits", Topic::MemoryLimits, found)
        .text("agent", "agent", |(part, _)| part.agent.clone())
        .number("messages", "messages", Form::Integer, bytes(|tuned| tuned.messages))
        .number("peak", "peak with plenty", Form::Limit, bytes(|tuned| tuned.peak))
        .number("smallest", "smallest limit", Form::Limit, bytes(|tuned| tuned.smallest))
        .strong()
        .number("pages", "pages", Form::Integer, bytes(|tuned| tuned.smallest / PAGE))
        .text("headroom", "headroom", |(_, tuned)| format!("{} %", tuned.headroom))
        .number("recommended", "recommended", Form::Limit, bytes(|tuned| tuned.recommended))
        .strong()
        .number("tried", "limits tried", Form::Integer, bytes(|tuned| tuned.steps.len() as u64))
        .text("at_recommended", "clean at recommended", clean(|tuned| &tuned.at_recommended))
        .text("at_smallest", "at smallest", clean(|tuned| &tuned.at_smallest))
        .text("one_page_less", "at one page less", clean(|tuned| &tuned.one_page_less))
        .done()
}

/// A change of linear memory over the workload.
struct Change<'a> {
    part: &'a Part,
    curve: &'a Curve,
    /// Messages of the curve.
    all: u64,
    after: u64,
    bytes: u64,
    /// The recommended limit, bytes; `None` if there is no plateau.
    recommended: Option<u64>,
}

/// Returns the table of linear memory over the workload.
fn curves(found: &[Row], unsettled: &[(&Part, &Unsettled)]) -> Table {
    let settled = found.iter().flat_map(|(part, tuned)| {
        let curves = tuned.curves.iter();
        curves.map(|curve| (*part, curve, curve.all(tuned.passes), Some(tuned.recommended)))
    });
    let others = unsettled.iter().flat_map(|(part, found)| {
        found.curves.iter().map(|curve| (*part, curve, curve.all(0), None))
    });
    let changes = settled.chain(others).flat_map(|(part, curve, all, recommended)| {
        let shown = shown(&curve.changes).into_iter();
        shown.map(move |(after, bytes)| Change { part, curve, all, after, bytes, recommended })
    });
    let changes: Vec<Change> = changes.collect();
    Table::of("working-set", "Working set", Topic::MemoryLimits, &changes)
        .text("agent", "agent", |change| change.part.agent.clone())
        .text("message", "message", |change| series(change.curve))
        .text("after", "after", |change| match change.after {
            0 => "its start".to_owned(),
            n => format!("message {n}"),
        })
        .number("workload", "of the workload", Form::Share, |change| {
            Some(change.after as f64 / change.all.max(1) as f64)
        })
        .number("linear", "linear memory", Form::Limit, |change| Some(change.bytes as f64))
        .strong()
        .number("recommended", "of recommended", Form::Share, |change| {
            Some(change.bytes as f64 / change.recommended? as f64)
        })
        .done()
}

pub(super) fn series(curve: &Curve) -> String {
    curve.size.map_or_else(|| "from file".to_owned(), |bytes| size(bytes as u64))
}

/// Returns the changes to show: evenly many of a long curve, always the first and the last.
fn shown(changes: &[(u64, u64)]) -> Vec<(u64, u64)> {
    if changes.len() <= ROWS {
        return changes.to_vec();
    }
    let last = changes.len() - 1;
    (0..ROWS).map(|row| changes[row * last / (ROWS - 1)]).collect()
}

fn sentences(part: &Part, tuned: &Tuned, to: &mut View) {
    let agent = &part.agent;
    if let Some(out) = &tuned.one_page_less.ran_out {
        let where_ = match out.message {
            0 => "it does not start".to_owned(),
            n => format!("message {n} is too much"),
        };
        to.finding(
            Topic::MemoryLimits,
            format!(
                "{agent} with one page less, {}: {where_}: {}",
                limit(tuned.one_page_less.limit),
                out.outcome.text()
            ),
        );
    }
    for curve in tuned.curves.iter().filter(|curve| curve.still_grows) {
        to.note(format!(
            "{agent}, messages {}: memory still grew at the end of {} messages",
            series(curve),
            curve.all(tuned.passes)
        ));
    }
}

/// Returns the line of a sandbox config.
fn line(bytes: u64) -> String {
    format!("memory-limit = \"{}\"", limit(bytes))
}

fn paste(part: &Part, tuned: &Tuned) -> String {
    format!(
        "# {}: {} % over the {} that its workload needs, in whole pages\n{}\n",
        part.agent,
        tuned.headroom,
        limit(tuned.smallest),
        line(tuned.recommended)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use sandlab_runtime::SandboxConfig;

    #[test]
    fn the_line_to_paste_is_one_of_a_sandbox_config() {
        for pages in [1, 17, 22, 125, 1_525, 16_384, 65_536] {
            let bytes = pages * PAGE;
            let sandbox: SandboxConfig = toml::from_str(&line(bytes)).unwrap();
            assert_eq!(sandbox.memory_limit.as_u64(), bytes);
        }
    }

    #[test]
    fn a_long_curve_shows_its_ends() {
        let changes: Vec<_> = (0..100).map(|n| (n, n)).collect();
        let shown = shown(&changes);
        assert_eq!(shown.len(), ROWS);
        assert_eq!((shown[0], shown[ROWS - 1]), ((0, 0), (99, 99)));
    }
}
