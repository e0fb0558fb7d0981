//! Shows what a long load left behind, and whether it was served worse in the end.

use super::{BYTES_LEFT, DEGRADATION, Part};
use crate::experiments::labels;
use crate::experiments::load::degradation::{Degradation, degradation};
use crate::experiments::load::found::{Cycle, Found};
use crate::experiments::load::leak::{Counted, GROWTHS, counted};
use crate::experiments::open_loops::timeline;
use crate::metrics::{Metric, Topic, Unit};
use crate::record::{Phase, Shared};
use crate::view::{Cell, Emphasis, Form, Table, View};

pub(super) fn show(parts: &[&Part], to: &mut View) {
    let changes = parts.iter().flat_map(|part| {
        let changes = degradation(part).into_iter();
        changes.map(move |change| (*part, change))
    });
    let changes: Vec<(&Part, Degradation)> = changes.collect();
    to.table(degradations(&changes));
    for (part, change) in &changes {
        let labels = labels(&part.part).with("figure", change.of.key);
        let withheld = part.withheld(Phase::Steady);
        let is_judged = withheld.is_none();
        let metric = Metric::estimated(&DEGRADATION, labels, change.ratio, Vec::new());
        to.metric(metric.withheld(withheld));
        if change.is_flagged && is_judged {
            to.object(format!("{}: {} got worse over time", part.name(), change.of.title));
        }
    }
    for part in parts {
        leaks(part, to);
        if let Some(growth) = growth(part) {
            to.finding(Topic::Load, growth);
        }
        to.charts.extend(timeline(part, Topic::Load, &[], ""));
    }
}

fn degradations(rows: &[(&Part, Degradation)]) -> Table {
    Table::of("degradation", "Degradation", Topic::Load, rows)
        .text("agent", "agent", |(part, _)| part.part.agent.clone())
        .text("backend", "backend", |(part, _)| part.part.backend_name())
        .text("figure", "figure", |(_, change)| change.of.title)
        .number("change", "last third ÷ first", Form::Ratio, |(_, change)| {
            Some(change.ratio.value)
        })
        .strong()
        .interval("change", Form::Ratio, |(_, change)| Some(change.ratio))
        .cells("verdict", "verdict", None, |(_, change)| match change.is_flagged {
            true => Cell::text("WORSE by more than 5 %").seen(Emphasis::Bad),
            false => Cell::text("not worse"),
        })
        .done()
}

/// Says what grew from rest to rest, and adds how much per message.
fn leaks(part: &Part, to: &mut View) {
    let cycles: Vec<Cycle> = part.found.iter().map(|Found::Cycle(cycle)| *cycle).collect();
    let name = part.name();
    let Some(all) = counted(&cycles) else {
        let few = cycles.len();
        let least = GROWTHS + 1;
        let is_elsewhere = part.shared().any(|found| matches!(found, Shared::Workers { .. }));
        let said = match is_elsewhere {
            true => format!("{name}: no leak is looked for: what is loaded lives elsewhere"),
            false => format!("{name}: {few} cycles are too few to tell a leak; it takes {least}"),
        };
        return to.finding(Topic::Load, said);
    };
    for counted in all.iter().filter(|counted| counted.unit == Unit::Bytes) {
        let labels = labels(&part.part).with("memory", counted.what.replace(' ', "-"));
        to.metric(Metric::single(&BYTES_LEFT, labels, counted.per_message));
    }
    let leaks: Vec<&Counted> = all.iter().filter(|counted| counted.leaks).collect();
    if leaks.is_empty() {
        let heap = match cycles.iter().all(|cycle| cycle.heap.is_some()) {
            true => "the host's heap, ",
            false => "but not the host's heap, which only sandlab-counted counts: ",
        };
        let said = format!(
            "{name}: no leak: nothing grew in each of the last {GROWTHS} of {} cycles ({heap}\
             linear memory, agents, tasks, queued messages, all at rest)",
            cycles.len()
        );
        return to.finding(Topic::Load, said);
    }
    let grown = leaks.iter().map(|leak| {
        let unit = match leak.unit {
            Unit::Bytes => " bytes",
            _ => "",
        };
        format!("{} by {:.3}{unit} per message", leak.what, leak.per_message)
    });
    let grown = grown.collect::<Vec<_>>().join(", ");
    to.finding(
        Topic::Load,
        format!("{name}: LEAK: in each of the last {GROWTHS} cycles grew {grown}"),
    );
    for leak in leaks {
        to.object(format!("{name}: {} leaks", leak.what));
    }
}

/// Says the slope of resident memory, by least squares, which nothing is judged by.
fn growth(part: &Part) -> Option<String> {
    let points: Vec<(f64, f64)> =
        part.series.iter().filter_map(|point| Some((point.at, point.resident? as f64))).collect();
    let n = points.len() as f64;
    if n < 12.0 {
        return None;
    }
    let (x, y) = points.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0, y + point.1));
    let (x, y) = (x / n, y / n);
    let (covariance, variance) = points.iter().fold((0.0, 0.0), |(c, v), point| {
        let off = point.0 - x;
        (c + off * (point.1 - y), v + off * off)
    });
    let messages: u64 = part.series.iter().map(|point| point.due).sum();
    let seconds: f64 = part.series.iter().map(|point| point.seconds).sum();
    let slope = covariance / variance;
    Some(format!(
        "{}: resident memory changed by {:+.1} bytes per message on a straight line through \
         all windows; by itself that says little, compare it with the twin's",
        part.name(),
        slope * seconds / messages.max(1) as f64
    ))
}
