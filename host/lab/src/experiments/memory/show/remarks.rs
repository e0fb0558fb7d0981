//! Adds what the tables cannot say: why an agent does not start, and why a figure is missing.

use super::Limited;
use crate::experiments::memory::{AtLimit, Figure, Outcome, describe};
use crate::metrics::Topic;
use crate::metrics::format::{grouped, limit};
use crate::view::View;
use sandlab_runtime::BackendKind;
use std::collections::{BTreeMap, BTreeSet};

/// Notes why something is missing; what is the same for several figures, limits or backends is
/// said once.
pub(super) fn remarks(found: &[Limited], to: &mut View) {
    starts(found, to);
    missing(found, to);
    let is_process = |(part, _): &Limited| part.backend == Some(BackendKind::Process);
    if found.iter().any(is_process) {
        to.note(
            "process: memory is what is resident of the whole child; its limit counts only what \
             the child takes after its start (RLIMIT_DATA), and the kernel does not tell what it \
             refused",
        );
    }
}

fn starts(found: &[Limited], to: &mut View) {
    let mut memories = BTreeSet::new();
    for (part, at) in found {
        let agent = &part.agent;
        if let Some(has) = at.start.memories.value() {
            memories.insert(format!("{agent} is linked to start with {}", describe(has)));
        }
        if let Some(refused) = &at.start.refused {
            to.note(format!(
                "{agent} does not start under {} on {}: {}. To change that, {}",
                limit(at.limit),
                part.backend_name(),
                refused.reason,
                refused.remedy
            ));
        }
        let ways = at.largest.value().map(|found| [&found.fallible, &found.infallible]);
        for found in ways.into_iter().flatten().filter_map(Figure::value) {
            if let Outcome::Trapped(text) = &found.beyond {
                to.note(format!(
                    "{agent} on {} under {}: what refused it a page more than {} bytes was \
                     not the limit: {}",
                    part.backend_name(),
                    limit(at.limit),
                    grouped(found.largest as f64),
                    first_line(text)
                ));
            }
        }
        if let Some(out) = at.workload.value().and_then(|ran| ran.ran_out.as_ref()) {
            to.note(format!(
                "{agent} on {} under {}: its workload came to message {}: {}",
                part.backend_name(),
                limit(at.limit),
                out.message,
                first_line(out.outcome.text())
            ));
        }
    }
    for sentence in memories {
        to.finding(Topic::MemoryLimits, sentence);
    }
}

/// Returns the figures that are missing, each by its name in a sentence, with the reason.
fn reasons(at: &AtLimit) -> Vec<(&'static str, &str)> {
    let mut reasons = vec![
        ("the largest allocation", at.largest.why_not()),
        ("a filled agent", at.held.why_not()),
        ("growth", at.growth.why_not()),
        ("recovery", at.recovery.why_not()),
        ("the workload", at.workload.why_not()),
    ];
    if let Some(largest) = at.largest.value() {
        reasons.push(("try-allocate", largest.fallible.why_not()));
        reasons.push(("allocate", largest.infallible.why_not()));
    }
    for held in at.held.value().into_iter().flatten() {
        let name = match held.percent {
            50 => "50 % filled",
            90 => "90 % filled",
            _ => "99 % filled",
        };
        reasons.push((name, held.state.why_not()));
    }
    if let Some(growth) = at.growth.value() {
        reasons.push(("just after growth", growth.just_after.why_not()));
    }
    if let Some(recovery) = at.recovery.value() {
        reasons.push(("recovery from a refusal", recovery.survived.why_not()));
        reasons.push(("recovery from an end", recovery.ended.why_not()));
    }
    if let Some(ran) = at.workload.value() {
        reasons.push(("the workload's pace", ran.pace.why_not()));
        reasons.push(("messages that grow memory", ran.growing.why_not()));
        if ran.ran_out.is_some() {
            reasons.push(("how soon another one is ready", ran.restarted.why_not()));
        }
    }
    let reasons = reasons.into_iter();
    reasons.filter_map(|(figure, why)| Some((figure, why?))).collect()
}

fn missing(found: &[Limited], to: &mut View) {
    /// The figures and the limits, in bytes, that a reason holds for.
    type Where<'a> = (BTreeSet<&'a str>, BTreeSet<u64>);
    let mut of_backend = BTreeMap::<(&str, &str, String), Where>::new();
    let started = found.iter().filter(|(_, at)| at.start.refused.is_none());
    for (part, at) in started {
        for (figure, why) in reasons(at) {
            let key = (part.agent.as_str(), why, part.backend_name());
            let (figures, limits) = of_backend.entry(key).or_default();
            figures.insert(figure);
            limits.insert(at.limit);
        }
    }
    let mut of_agent = BTreeMap::<(&str, &str, Where), Vec<String>>::new();
    for ((agent, why, backend), held) in of_backend {
        of_agent.entry((agent, why, held)).or_default().push(backend);
    }
    for ((agent, why, (figures, limits)), backends) in of_agent {
        let figures = figures.into_iter().collect::<Vec<_>>().join(", ");
        let limits = limits.into_iter().map(limit).collect::<Vec<_>>().join(", ");
        to.note(format!(
            "{agent} on {} under {limits}: {figures}: not available, because {}",
            backends.join(", "),
            first_line(why)
        ));
    }
}

/// Returns the first line: a child's last words are many lines, and the file has them all.
fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
