//! Shows the leaks of a long load, and whether it got slower towards the end. Both are judged
//! within each process, since counts begin anew with each.

use super::{BYTES_LEFT, DEGRADATION, Part};
use crate::experiments::labels;
use crate::experiments::load::degradation::{Degradation, degradation};
use crate::experiments::load::found::{Cycle, Found};
use crate::experiments::load::leak::{Counted, GROWTHS, counted};
use crate::experiments::open_loops::timeline;
use crate::metrics::format::time;
use crate::metrics::{Labels, Metric, Topic, Unit};
use crate::record::{Phase, Point, Shared};
use crate::view::{Cell, Emphasis, Form, Table, View};

/// The share of a part that one process measured.
struct Segment<'a> {
    part: &'a Part<'a>,
    /// The number of the process, from 1 on; `None` if there was only one.
    process: Option<usize>,
    points: &'a [Point],
    cycles: Vec<Cycle>,
}

impl<'a> Segment<'a> {
    fn all(part: &'a Part<'a>) -> Vec<Self> {
        let mut cycles: Vec<Vec<Cycle>> = Vec::new();
        for found in &part.found {
            match found {
                Found::Process(_) => cycles.push(Vec::new()),
                Found::Cycle(cycle) => match cycles.last_mut() {
                    Some(last) => last.push(*cycle),
                    // In runs of earlier versions.
                    None => cycles.push(vec![*cycle]),
                },
            }
        }
        if cycles.is_empty() {
            cycles.push(Vec::new());
        }
        let several = cycles.len() > 1;
        let of = |(index, (points, cycles))| Self {
            part,
            process: several.then_some(index + 1),
            points,
            cycles,
        };
        part.segments().zip(cycles).enumerate().map(of).collect()
    }

    fn name(&self) -> String {
        let name = self.part.name();
        self.process.map_or(name.clone(), |process| format!("{name}, process {process}"))
    }

    fn labels(&self) -> Labels {
        labels(&self.part.part).with_some("process", self.process)
    }
}

pub(super) fn show(parts: &[&Part], to: &mut View) {
    let segments: Vec<Segment> = parts.iter().flat_map(|part| Segment::all(part)).collect();
    let changes = segments.iter().flat_map(|segment| {
        let changes = degradation(segment.part, segment.points).into_iter();
        changes.map(move |change| (segment, change))
    });
    let changes: Vec<(&Segment, Degradation)> = changes.collect();
    to.table(degradations(&changes));
    for (segment, change) in &changes {
        let labels = segment.labels().with("figure", change.of.key);
        let withheld = segment.part.withheld(Phase::Steady);
        let is_judged = withheld.is_none();
        let metric = Metric::estimated(&DEGRADATION, labels, change.ratio, Vec::new());
        to.metric(metric.withheld(withheld));
        if change.is_flagged && is_judged {
            to.object(format!("{}: {} got worse over time", segment.name(), change.of.title));
        }
    }
    for part in parts {
        interrupted(part, to);
    }
    for segment in &segments {
        leaks(segment, to);
        if let Some(growth) = growth(segment) {
            to.finding(Topic::Load, growth);
        }
    }
    to.charts.extend(parts.iter().flat_map(|part| timeline(part, Topic::Load, &[], "")));
}

/// Says how often and how long a part was interrupted.
fn interrupted(part: &Part, to: &mut View) {
    if let Some(gaps) = part.phase(Phase::Interrupted) {
        let processes = part.segments().count();
        to.finding(
            Topic::Load,
            format!(
                "{}: measured by {processes} processes, with {} between them in which nothing was \
                 sent and nothing counts; leaks and degradation are judged within each process, since \
                 its memory begins anew",
                part.name(),
                time(gaps.seconds() * 1e9)
            ),
        );
    }
}

fn degradations(rows: &[(&Segment, Degradation)]) -> Table {
    let table = Table::of("degradation", "Degradation", Topic::Load, rows)
        .text("agent", "agent", |(segment, _)| segment.part.part.agent.clone())
        .text("backend", "backend", |(segment, _)| segment.part.part.backend_name());
    let process = |segment: &Segment| Some(segment.process? as f64);
    let table = match rows.iter().any(|(segment, _)| segment.process.is_some()) {
        true => table.number("process", "process", Form::Integer, |(it, _)| process(it)),
        false => table,
    };
    table
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

/// Reports growth from rest to rest, with its size per message.
fn leaks(segment: &Segment, to: &mut View) {
    let (name, cycles) = (segment.name(), &segment.cycles);
    let Some(all) = counted(cycles) else {
        let few = cycles.len();
        let least = GROWTHS + 1;
        let is_elsewhere =
            segment.part.shared().any(|found| matches!(found, Shared::Workers { .. }));
        let said = match is_elsewhere {
            true => format!("{name}: no leak is looked for: what is loaded lives elsewhere"),
            false => format!("{name}: {few} cycles are too few to tell a leak; it takes {least}"),
        };
        return to.finding(Topic::Load, said);
    };
    for counted in all.iter().filter(|counted| counted.unit == Unit::Bytes) {
        let labels = segment.labels().with("memory", counted.what.replace(' ', "-"));
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

/// Returns a sentence on the slope of resident memory, by least squares. It has no part in a
/// verdict.
fn growth(segment: &Segment) -> Option<String> {
    let series = segment.points;
    let points: Vec<(f64, f64)> =
        series.iter().filter_map(|point| Some((point.at, point.resident? as f64))).collect();
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
    let messages: u64 = series.iter().map(|point| point.due).sum();
    let seconds: f64 = series.iter().map(|point| point.seconds).sum();
    let slope = covariance / variance;
    Some(format!(
        "{}: resident memory changed by {:+.1} bytes per message on a straight line through \
         all windows; by itself that says little, compare it with the twin's",
        segment.name(),
        slope * seconds / messages.max(1) as f64
    ))
}
