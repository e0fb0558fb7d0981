//! Charts of memory limits.

use super::super::Curve;
use super::{Limited, tuning};
use crate::metrics::Topic;
use crate::record::Part;
use crate::view::{Axis, Chart, Form, Series, Spot, View};

/// Draws what is left of a limit, and the pace when it is as full as it gets.
pub(super) fn limits(found: &[Limited], to: &mut View) {
    let share = series(found, |(_, at)| {
        let largest = at.largest.value()?.fallible.value()?.largest;
        Some(Spot::new(at.limit as f64, largest as f64 / at.limit as f64))
    });
    let pace = series(found, |(_, at)| {
        let mut fullest = at.held.value()?.iter().rev();
        let rate = fullest.find_map(|held| held.state.value())?.pace.rate()?;
        Some(Spot { x: at.limit as f64, y: rate.value, range: rate.ends() })
    });
    for (y, series, caption) in [
        (
            Axis::linear("of the limit", Form::Share),
            share,
            "The largest allocation, as a share of the limit",
        ),
        (
            Axis::log("messages/s", Form::Rate),
            pace,
            "Messages per second with the limit as full as it gets, with their 95 % intervals",
        ),
    ] {
        to.chart(Chart {
            topic: Topic::MemoryLimits,
            caption: caption.to_owned(),
            x: Axis::log("limit", Form::Limit),
            y,
            series,
            marks: Vec::new(),
        });
    }
}

/// Returns a series per agent and backend.
fn series(found: &[Limited], spot: impl Fn(&Limited) -> Option<Spot>) -> Vec<Series> {
    let mut all: Vec<Series> = Vec::new();
    for limited in found {
        let (part, _) = limited;
        let name = format!("{} on {}", part.agent, part.backend_name());
        let at = all.iter().position(|series| series.name == name);
        let at = at.unwrap_or_else(|| {
            all.push(Series::dotted(name, Vec::new()));
            all.len() - 1
        });
        all[at].spots.extend(spot(limited));
    }
    all.retain(|series| !series.is_empty());
    all
}

/// Series of one chart, at most: as many as there are colours.
const MOST: usize = 9;

/// Draws linear memory over the workload, with plenty.
pub(super) fn curves(part: &Part, curves: &[Curve], passes: u64, to: &mut View) {
    let curves = curves.iter().map(|curve| {
        let mut spots: Vec<Spot> = Vec::new();
        for (after, bytes) in &curve.changes {
            // It stays until it changes.
            let before = spots.last().map(|spot| Spot::new(*after as f64, spot.y));
            spots.extend(before);
            spots.push(Spot::new(*after as f64, *bytes as f64));
        }
        let all = curve.all(passes) as f64;
        let end = spots.last().map(|spot| Spot::new(all, spot.y));
        spots.extend(end);
        Series::line(tuning::series(curve), spots)
    });
    to.chart(Chart {
        topic: Topic::MemoryLimits,
        caption: format!("Memory of {} over its workload, with plenty", part.agent),
        x: Axis::linear("messages", Form::Count),
        y: Axis::linear("linear memory", Form::Size),
        series: curves.take(MOST).collect(),
        marks: Vec::new(),
    });
}
