//! Shows memory limits: the sweep, and what tuning found.

mod charts;
mod remarks;
mod sweep;
mod tuning;

use super::{AtLimit, Found, Tuned, Unsettled};
use crate::experiments::{Shown, labels};
use crate::metrics::format::limit;
use crate::metrics::quantity::quantities;
use crate::metrics::{Labels, Metric, Topic};
use crate::record::Part;
use crate::view::View;

quantities! {
    /// The smallest memory limit, in whole pages, with which a workload runs without a denial.
    SMALLEST_LIMIT = "smallest-limit", "smallest limit", Bytes, Lower, MemoryLimits;
    /// The largest single allocation that succeeds under a memory limit.
    LARGEST_ALLOCATION = "largest-allocation", "largest allocation", Bytes, Higher, MemoryLimits;
    /// Messages per second of a workload under a memory limit, one at a time.
    LIMITED_PACE = "limited-pace", "messages/s", PerSecond, Higher, MemoryLimits;
}

/// A limit of a sweep.
type Limited<'a> = (&'a Part, &'a AtLimit);

pub(super) fn show(parts: &[Shown<Found>], to: &mut View) {
    let (mut limits, mut tuned) = (Vec::<Limited>::new(), Vec::<(&Part, &Tuned)>::new());
    let mut unsettled = Vec::<(&Part, &Unsettled)>::new();
    let mut disturbed = Vec::new();
    for part in parts {
        for found in &part.found {
            match found {
                Found::AtLimit(found) => {
                    limits.push((&part.part, found));
                    disturbed.push(part.disturbed());
                }
                Found::Tuned(found) => tuned.push((&part.part, found)),
                Found::Unsettled(found) => unsettled.push((&part.part, found)),
            }
        }
    }
    sweep::tables(&limits, to);
    tuning::show(&tuned, &unsettled, to);
    remarks::remarks(&limits, to);
    charts::limits(&limits, to);
    for (part, tuned) in &tuned {
        charts::curves(part, &tuned.curves, tuned.passes, to);
        let labels = Labels::new().with("agent", &part.agent);
        let smallest = tuned.smallest;
        to.metric(Metric::exact(&SMALLEST_LIMIT, labels, smallest as f64));
        to.headline(limit(smallest), format!("smallest memory limit for {}", part.agent));
        if let Some(objection) = tuned.objection() {
            to.object(format!("{}: {objection}", part.agent));
        }
    }
    for (part, found) in unsettled {
        charts::curves(part, &found.curves, 0, to);
        let objection = format!("{}, {}", part.agent, found.objection());
        to.finding(Topic::MemoryLimits, &objection);
        to.object(objection);
    }
    for ((part, at), disturbed) in limits.into_iter().zip(disturbed) {
        let labels = || labels(part).with("limit", at.limit);
        let largest = at.largest.value().and_then(|largest| largest.fallible.value());
        to.metric(
            largest.map(|found| Metric::exact(&LARGEST_ALLOCATION, labels(), found.largest as f64)),
        );
        let pace = at.workload.value().and_then(|ran| ran.pace.value()?.rate());
        to.metric(pace.map(|rate| {
            Metric::estimated(&LIMITED_PACE, labels(), rate, Vec::new()).withheld(disturbed)
        }));
    }
}
