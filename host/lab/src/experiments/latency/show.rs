//! Shows how long messages take at a rate, and the search for the highest one.

use super::found::{Found, MaxRate, Step};
use crate::experiments::open_loops::{self, Keys};
use crate::experiments::{Shown, answers, labels};
use crate::metrics::quantity::quantities;
use crate::metrics::{Metric, Topic};
use crate::record::{Part, Tally};
use crate::view::{Form, Table, View};

quantities! {
    /// The highest rate of an open loop at which messages come back, p99 stays below its bound,
    /// and no queue grows.
    HIGHEST_RATE = "highest-rate", "highest rate", PerSecond, Higher, Throughput;
}

const KEYS: Keys = Keys { latency: "latency", origin: "latency-origin" };

pub(super) fn show(parts: &[Shown<Found>], to: &mut View) {
    let before = to.metrics.len();
    open_loops::steady(parts, &KEYS, to);
    to.table(open_loops::phases(parts, "latency-phases", Topic::Latency));
    to.table(open_loops::workers(parts, "latency-workers", Topic::Latency));
    for part in parts {
        to.charts.extend(open_loops::timeline(part, Topic::Latency, &[], ""));
    }
    searches(parts, to);
    to.answer(open_loops::answer("p99", &to.metrics[before..]));
    to.answer(answers::beside("highest rate", &HIGHEST_RATE, &to.metrics[before..]));
}

fn searches(parts: &[Shown<Found>], to: &mut View) {
    let (mut steps, mut found) = (Vec::new(), Vec::new());
    for part in parts {
        let mut number = 0;
        for finding in &part.found {
            match finding {
                Found::Step(step) => {
                    number += 1;
                    steps.push((&part.part, number, *step));
                }
                Found::MaxRate(rate) => found.push((&part.part, *rate)),
            }
        }
    }
    to.table(tried(&steps));
    to.table(highest(&found));
    for (part, rate) in found {
        let of_part = steps.iter().filter(|(of, ..)| std::ptr::eq(*of, part));
        let of_part: Vec<Step> = of_part.map(|(_, _, step)| *step).collect();
        // None that was tried held: that is less than any target.
        let highest = rate.highest.unwrap_or(0.0);
        let metric = Metric::single(&HIGHEST_RATE, labels(part), highest);
        to.metric(metric.withheld(withheld(&of_part, &rate)));
    }
}

/// Returns why the highest rate is not judged: too few steps count, or the one that ended the
/// search does not; `None` if it is.
fn withheld(steps: &[Step], rate: &MaxRate) -> Option<String> {
    let mut tally = Tally::default();
    steps.iter().for_each(|step| tally.add(step.invalid));
    // The last one at this rate is the one that was not measured again.
    let last = steps.iter().rev().find(|step| Some(step.rate) == rate.too_high);
    tally.withheld("steps").or_else(|| {
        let invalid = last?.invalid?;
        Some(format!("the step that did not hold does not count: {invalid}"))
    })
}

fn tried(steps: &[(&Part, u32, Step)]) -> Table {
    Table::of("max-rate-steps", "The rates that were tried", Topic::Throughput, steps)
        .text("agent", "agent", |(part, ..)| part.agent.clone())
        .text("backend", "backend", |(part, ..)| part.backend_name())
        .number("agents", "agents", Form::Integer, |(part, ..)| Some(part.agents as f64))
        .number("message", "message", Form::Size, |(part, ..)| Some(part.size? as f64))
        .number("step", "step", Form::Integer, |(_, number, _)| Some(f64::from(*number)))
        .number("offered", "offered/s", Form::Rate, |(_, _, step)| Some(step.rate))
        .number("goodput", "good", Form::Share, |(_, _, step)| Some(step.goodput))
        .number("p99", "p99", Form::Time, |(_, _, step)| step.p99)
        .text("backlog", "backlog", |(_, _, step)| if step.is_growing { "grows" } else { "steady" })
        .text("holds", "holds", |(_, _, step)| if step.holds { "yes" } else { "no" })
        .done()
}

fn highest(found: &[(&Part, MaxRate)]) -> Table {
    Table::of("max-rate", "The highest rate", Topic::Throughput, found)
        .text("agent", "agent", |(part, _)| part.agent.clone())
        .text("backend", "backend", |(part, _)| part.backend_name())
        .number("agents", "agents", Form::Integer, |(part, _)| Some(part.agents as f64))
        .number("shards", "shards", Form::Integer, |(part, _)| Some(part.shards as f64))
        .number("closed_loop", "closed loop/s", Form::Rate, |(_, rate)| Some(rate.capacity))
        .number("highest", "highest rate/s", Form::Rate, |(_, rate)| rate.highest)
        .strong()
        .number("too_high", "too high/s", Form::Rate, |(_, rate)| rate.too_high)
        .done()
}
