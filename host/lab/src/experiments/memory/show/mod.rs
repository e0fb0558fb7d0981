//! Shows memory limits: the sweep, and what tuning found.

mod charts;
mod remarks;
mod sweep;
mod tuning;

use super::{AtLimit, Found, Tuned, Unsettled};
use crate::experiments::{Shown, labels};
use crate::metrics::format::{limit, size};
use crate::metrics::quantity::quantities;
use crate::metrics::{Labels, Metric, Topic};
use crate::record::Part;
use crate::view::{Answer, View};
use sandlab_runtime::BackendKind;

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
    let mut without = Vec::<(&Part, &String)>::new();
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
                Found::NoneIsEnough { why } => without.push((&part.part, why)),
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
        let metric = Metric::exact(&SMALLEST_LIMIT, labels, smallest as f64);
        let answer = Answer { figure: limit(smallest), ..Answer::of(question(part), &metric) };
        to.metric(metric);
        let recommended =
            format!("recommended {}, {} % more", limit(tuned.recommended), tuned.headroom);
        to.answer(answer.remark(recommended).remark(format!("needs {}", limit(tuned.peak))));
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
    for (part, why) in without {
        let objection = format!("{}: {why}", part.agent);
        to.finding(Topic::MemoryLimits, &objection);
        to.object(objection);
    }
    sufficient(&limits, to);
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

fn question(part: &Part) -> String {
    format!("limit, {}", part.agent)
}

/// Answers which of the limits of a sweep is the smallest that is enough for each agent in the
/// sandbox.
fn sufficient(limits: &[Limited], to: &mut View) {
    let in_sandbox = || limits.iter().filter(|(part, _)| part.backend == Some(BackendKind::Wasm));
    let mut agents: Vec<&str> = Vec::new();
    for (part, _) in in_sandbox() {
        if agents.contains(&part.agent.as_str()) {
            continue;
        }
        agents.push(&part.agent);
        let of_agent: Vec<&Limited> =
            in_sandbox().filter(|(other, _)| other.agent == part.agent).collect();
        let is_enough = |at: &AtLimit| {
            let ran = at.workload.value();
            at.start.refused.is_none() && ran.is_some_and(|ran| ran.ran_out.is_none())
        };
        let enough = of_agent.iter().filter(|(_, at)| is_enough(at)).min_by_key(|(_, at)| at.limit);
        let too_small = of_agent.iter().filter(|(_, at)| !is_enough(at)).map(|(_, at)| *at);
        let refused = too_small.max_by_key(|at| at.limit).map(|at| match at.start.refused {
            Some(_) => format!("under {} it does not start", limit(at.limit)),
            None => format!("under {} it runs out of memory", limit(at.limit)),
        });
        let answer = match enough {
            Some((_, at)) => {
                let peak = at.workload.value().and_then(|ran| ran.peak);
                let peak = peak.map(|peak| format!("at most {} used", size(peak)));
                Answer::new(Topic::MemoryLimits, question(part), limit(at.limit))
                    .remark("is enough")
                    .remark(peak.unwrap_or_default())
            }
            None => Answer::new(Topic::MemoryLimits, question(part), "none is enough"),
        };
        to.answer(answer.remark(refused.unwrap_or_default()).aside());
    }
}
