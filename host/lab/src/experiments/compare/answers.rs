//! Answers of a comparison: the overhead of every message, the slowdown of agents that compute, and
//! the agent with the largest.

use super::Part;
use super::attribution::Ladder;
use super::comparison::portable_ratio;
use crate::metrics::Topic;
use crate::metrics::format::{difference, size, time};
use crate::stats::{Estimate, geometric_mean, median_interval};
use crate::view::{Answer, Form, View};
use crate::workload::COMPUTE;
use sandlab_runtime::BackendKind;

/// A comparison of the sandbox with the native twin.
struct Compared<'a> {
    part: &'a Part<'a>,
    /// The sandbox's time ÷ native's, in the same round.
    ratio: Estimate,
}

pub(super) fn answers(parts: &[&Part], to: &mut View) {
    let judged = parts.iter().filter(|part| part.rounds_tally().withheld("rounds").is_none());
    let judged: Vec<&Part> = judged.copied().collect();
    to.answer(per_call(&judged));
    let compared: Vec<Compared> = parts.iter().filter_map(|part| Compared::of(part)).collect();
    let mut largest = largest(&compared);
    let question = question(&largest);
    let withheld = largest.iter().find_map(|one| one.withheld());
    largest.retain(|one| one.withheld().is_none());
    to.answer(against_native(question, &largest));
    to.answer(slowest(&largest));
    let first = parts.iter().find_map(|part| part.rounds_tally().withheld("rounds"));
    for (question, is_missing, why) in
        [("per call", judged.is_empty(), first), (question, largest.is_empty(), withheld)]
    {
        if let Some(why) = why.filter(|_| is_missing) {
            to.answer(Answer::new(Topic::Overhead, question, "").withheld(Some(why)));
        }
    }
}

impl<'a> Compared<'a> {
    fn of(part: &'a Part<'a>) -> Option<Self> {
        let (wasm, native) = (BackendKind::Wasm.name(), BackendKind::Native.name());
        let ratio = median_interval(&part.rounds.ratios(wasm, native))?;
        Some(Self { part, ratio })
    }

    fn bytes(&self) -> u64 {
        self.part.part.bytes().unwrap_or(0)
    }

    fn agent(&self) -> &str {
        &self.part.part.agent
    }

    fn name(&self) -> String {
        name(self.part)
    }

    /// Returns the reason why it is not judged; `None` if it is.
    fn withheld(&self) -> Option<String> {
        self.part.rounds_tally().withheld("rounds")
    }
}

/// Returns the smallest overhead of a message, which every message has.
fn per_call(parts: &[&Part]) -> Option<Answer> {
    let median = |part: &Part, kind: BackendKind| {
        let side = part.rounds.sides.iter().find(|side| side.side == kind.name())?;
        median_interval(&side.ns)
    };
    let added = parts.iter().filter_map(|part| {
        let [wasm, native] = [BackendKind::Wasm, BackendKind::Native]
            .map(|kind| part.rounds.sides.iter().find(|side| side.side == kind.name()));
        let pairs = wasm?.ns.iter().zip(&native?.ns);
        let added: Vec<f64> = pairs.map(|(wasm, native)| wasm - native).collect();
        Some((*part, median_interval(&added)?))
    });
    let least = added.min_by(|(_, a), (_, b)| a.value.total_cmp(&b.value));
    let Some((part, added)) = least else {
        // Without a twin there is only the time itself.
        let part = parts.first()?;
        let taken = median(part, BackendKind::Wasm)?;
        let answer = Answer::new(Topic::Overhead, "per message", Form::Time.brief(taken.value));
        return Some(answer.range(Form::Time, taken.ends()).remark(name(part)));
    };
    let brief =
        |kind| median(part, kind).map(|ns| format!("{kind} {}", Form::Time.brief(ns.value)));
    let sides: Vec<String> = BackendKind::ALL.into_iter().filter_map(brief).collect();
    let answer = Answer::new(Topic::Overhead, "per call", Form::TimeDifference.brief(added.value));
    let answer = answer.range(Form::TimeDifference, added.ends());
    Some(answer.remark(sides.join(", ")).remark(name(part)))
}

fn name(part: &Part) -> String {
    format!("{}, {}", part.part.agent, size(part.part.bytes().unwrap_or(0)))
}

/// Returns each agent's comparison with its largest message, of the agents that compute if they
/// are among them.
fn largest<'a, 'b>(compared: &'b [Compared<'a>]) -> Vec<&'b Compared<'a>> {
    let mut largest: Vec<&Compared> = Vec::new();
    for one in compared {
        match largest.iter_mut().find(|known| known.agent() == one.agent()) {
            Some(known) if known.bytes() < one.bytes() => *known = one,
            Some(_) => {}
            None => largest.push(one),
        }
    }
    let computes = |one: &&Compared| COMPUTE.contains(&one.agent());
    if largest.iter().any(computes) {
        largest.retain(computes);
    }
    largest
}

/// Returns the question that these comparisons answer.
fn question(largest: &[&Compared]) -> &'static str {
    match largest.iter().all(|one| COMPUTE.contains(&one.agent())) {
        true => "computing",
        false => "against native",
    }
}

/// Returns how many times as long messages take in the sandbox as on the native twin.
fn against_native(question: &str, largest: &[&Compared]) -> Option<Answer> {
    let ratios: Vec<f64> = largest.iter().map(|one| one.ratio.value).collect();
    let mean = Form::Ratio.brief(geometric_mean(&ratios)?);
    let answer = Answer::new(Topic::Overhead, question, mean);
    Some(match largest {
        [one] => answer.range(Form::Ratio, one.ratio.ends()).remark(one.name()),
        several => {
            let ends = (
                several.iter().map(|one| one.ratio.value).fold(f64::INFINITY, f64::min),
                several.iter().map(|one| one.ratio.value).fold(0.0, f64::max),
            );
            let sizes = several.iter().map(|one| one.bytes());
            let text = match (sizes.clone().min(), sizes.max()) {
                (Some(low), Some(high)) if low == high => size(low),
                (low, high) => format!("{}–{}", size(low.unwrap_or(0)), size(high.unwrap_or(0))),
            };
            let alike = like_for_like(several);
            // A line has room for both means, or for what they are multiples of.
            let of = if alike.is_empty() { "times native: mean" } else { "mean" };
            let text = format!("{of} and range of {} agents, {text}", several.len());
            answer.range(Form::Ratio, Some(ends)).remark(text).remark(alike)
        }
    })
}

/// Returns the mean over portable twins as a clause; empty without portable twins.
fn like_for_like(compared: &[&Compared]) -> String {
    let portable = compared.iter().map(|one| portable_ratio(one.part));
    let portable: Vec<_> = portable.collect();
    if portable.iter().all(Option::is_none) {
        return String::new();
    }
    let ratios = compared.iter().zip(portable);
    let ratios: Vec<f64> =
        ratios.map(|(one, portable)| portable.unwrap_or(one.ratio).value).collect();
    let mean = geometric_mean(&ratios).map(|mean| Form::Ratio.brief(mean));
    mean.map_or_else(String::new, |mean| format!("{mean} like for like"))
}

/// Returns the agent with the largest overhead, if there are several.
fn slowest(largest: &[&Compared]) -> Option<Answer> {
    let slowest = largest.iter().max_by(|a, b| a.ratio.value.total_cmp(&b.ratio.value))?;
    if largest.len() < 2 {
        return None;
    }
    let figure = Form::Ratio.brief(slowest.ratio.value);
    let answer = Answer::new(Topic::Overhead, "slowest", figure)
        .range(Form::Ratio, slowest.ratio.ends())
        .remark(slowest.name());
    Some(match COMPUTE.contains(&slowest.agent()) {
        true => answer.look(format!("sandlab compare {} --attribute", slowest.agent())),
        false => answer,
    })
}

/// Returns the most expensive step of the ladder, and what would come on top of it.
pub(super) fn largest_step(ladders: &[Ladder]) -> Option<Answer> {
    let ladder = ladders.first()?;
    let (last, below) = ladder.rungs.split_last()?;
    let steps = below.iter().filter_map(|rung| Some((rung, rung.step?)));
    let (rung, step) = steps.max_by(|(_, a), (_, b)| a.value.total_cmp(&b.value))?;
    let answer =
        Answer::new(Topic::Overhead, "largest step", Form::TimeDifference.brief(step.value));
    let lowest = ladder.rungs.first()?;
    let whole = difference(last.ns.value - lowest.ns.value);
    let more = ladder
        .beyond
        .iter()
        .filter_map(|rung| Some(format!("{} {}", difference(rung.step?.value), rung.name)));
    let more: Vec<_> = more.collect();
    let answer = answer
        .range(Form::TimeDifference, step.ends())
        .remark(format!("{}, of {whole} in all", rung.name));
    let answer = match more.is_empty() {
        true => answer,
        false => answer.remark(more.join(", ")),
    };
    Some(
        answer
            .remark(format!(
                "native {}, whole sandbox {}",
                time(lowest.ns.value),
                time(last.ns.value)
            ))
            .remark(format!("{}, {}", ladder.agent, size(ladder.bytes)))
            .withheld(ladder.withheld.clone())
            .aside(),
    )
}
