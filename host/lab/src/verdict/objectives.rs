//! Objectives for production that a stored run would have met, with how often it would not have.

use crate::metrics::format::{grouped, percent, time};
use crate::record::{Phase, Run, RunPart, Window};
use sandlab_runtime::{BackendKind, span};
use sandlab_serve::bounds;
use sandlab_serve::slo::{Objective, Share};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

/// A proposed objective, with the run's evidence for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// The objective.
    pub objective: Objective,
    /// The messages that the run spends of the objective's budget, as a share of the budget.
    pub spent: f64,
    /// The measurements behind it, and how often the run itself would have violated it, in
    /// sentences.
    pub evidence: Vec<String>,
}

/// The share of its budget that a run may spend: twice the errors can happen on a worse day without
/// an incident.
const MOST_SPENT: f64 = 0.5;

/// The share of messages within a latency: one in a hundred may take longer, as of a p99.
const LATENCY: &str = "99 %";

/// The shares of messages that are answered, the strictest first.
const ANSWERED: [&str; 7] = ["99.99 %", "99.95 %", "99.9 %", "99.5 %", "99 %", "95 %", "90 %"];

/// The time that objectives hold for.
const WINDOW: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Proposes two objectives per sandboxed agent, by the load under which its p99 was the worst: the
/// shortest latency and the highest share of answers for which the run spends at most half of the
/// budget, with a margin for chance.
pub fn propose(run: &Run) -> Vec<Proposal> {
    let mut worst: BTreeMap<&str, (&RunPart, &Window)> = BTreeMap::new();
    for (part, steady) in steady(run).filter(|(part, _)| part.withheld(Phase::Steady).is_none()) {
        let p99 = |window: &Window| window.latency.quantile(0.99);
        let known = worst.get(part.part.agent.as_str()).map(|(_, window)| p99(window));
        if known.is_none_or(|known| p99(steady) > known) {
            worst.insert(&part.part.agent, (part, steady));
        }
    }
    let each = worst.into_values();
    each.flat_map(|(part, steady)| latency(part, steady).into_iter().chain(answers(part, steady)))
        .collect()
}

/// Returns the reasons why a run on a busy machine gives no proposals.
pub fn withheld(run: &Run) -> Vec<String> {
    let why = |part: &RunPart| Some(format!("{}: {}", part.name(), part.withheld(Phase::Steady)?));
    steady(run).filter_map(|(part, _)| why(part)).collect()
}

/// Returns the parts in which sandboxed or deployed agents were sent messages at a rate.
fn steady(run: &Run) -> impl Iterator<Item = (&RunPart, &Window)> {
    let runs_there = |part: &&RunPart| {
        matches!(part.part.backend, Some(BackendKind::Wasm | BackendKind::Deployed))
    };
    let parts = run.parts.iter().filter(runs_there);
    parts.filter_map(|part| Some((part, part.phase(Phase::Steady)?)))
}

fn latency(part: &RunPart, steady: &Window) -> Option<Proposal> {
    let (count, p99) = (steady.latency.count(), steady.latency.supported_quantile(0.99)?);
    let share: Share = LATENCY.parse().ok()?;
    let slower = |bound: Duration| steady.latency.above(bound.as_nanos() as u64);
    let fits = |bound: &Duration| likely(slower(*bound), count) <= MOST_SPENT * share.budget();
    let bound = bounds().find(fits)?;
    let ns = bound.as_nanos() as f64;
    let points = || part.points(Phase::Steady).filter_map(|point| point.p99);
    let violated = points().filter(|p99| *p99 > ns).count();
    let share_slower = slower(bound) as f64 / count as f64;
    Some(Proposal {
        spent: share_slower / share.budget(),
        evidence: vec![
            measured(part, count),
            format!(
                "p99 was {}; {} of the messages took longer than {}, and in {violated} of {} \
                 windows p99 did.",
                time(p99),
                small(share_slower),
                span(bound),
                points().count(),
            ),
        ],
        objective: Objective { latency: Some(bound), ..objective(part, "fast", share) },
    })
}

fn answers(part: &RunPart, steady: &Window) -> Option<Proposal> {
    let answered = steady.good + steady.late;
    let count = answered + steady.failed;
    if count == 0 {
        return None;
    }
    let shares = ANSWERED.iter().filter_map(|share| share.parse::<Share>().ok());
    let fits = |share: &Share| likely(steady.failed, count) <= MOST_SPENT * share.budget();
    let share = shares.into_iter().find(fits)?;
    let failed = steady.failed as f64 / count as f64;
    let failing = |point: &&crate::record::Point| {
        point.failed as f64 > share.budget() * (point.good + point.failed) as f64
    };
    let violated = part.points(Phase::Steady).filter(failing).count();
    Some(Proposal {
        spent: failed / share.budget(),
        evidence: vec![
            measured(part, count),
            format!(
                "{} of the messages were not answered, and in {violated} of {} windows more than \
                 the budget.",
                small(failed),
                part.points(Phase::Steady).count(),
            ),
        ],
        objective: objective(part, "answers", share),
    })
}

/// Returns the largest likely share of bad messages, by the counts of a run: three standard
/// deviations more, or three messages if none was bad (the rule of three).
fn likely(bad: u64, count: u64) -> f64 {
    let bad = bad as f64;
    (bad + 3.0 * bad.sqrt() + 3.0) / count as f64
}

fn objective(part: &RunPart, what: &str, share: Share) -> Objective {
    let agent = &part.part.agent;
    let letter = |letter: char| match letter.to_ascii_lowercase() {
        plain @ ('a'..='z' | '0'..='9') => plain,
        _ => '-',
    };
    let name: String = agent.chars().map(letter).collect();
    Objective {
        name: format!("{name}-{what}"),
        agent: Some(agent.clone()),
        objective: share,
        window: WINDOW,
        latency: None,
        runbook: None,
    }
}

fn measured(part: &RunPart, count: u64) -> String {
    let rate = part.part.rate.map_or_else(String::new, |rate| {
        let rate = grouped(rate);
        format!(" at {rate} messages/s")
    });
    format!("{}{rate}: {} messages.", part.name(), grouped(count as f64))
}

/// `0.012 %`: small shares with the digits that matter here
fn small(share: f64) -> String {
    if share == 0.0 || share >= 0.01 { percent(share) } else { format!("{:.2} %", share * 100.0) }
}

/// Returns proposals as TOML for a host's configuration, each after its evidence.
pub fn toml(of: &str, proposals: &[Proposal]) -> String {
    let mut text = format!("# Objectives from {of}, which leave at least half of each budget.\n");
    for Proposal { objective, spent, evidence } in proposals {
        let spent = format!("It would have spent {} of the budget.", percent(*spent));
        text.push('\n');
        for line in evidence.iter().chain([&spent]) {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "# {line}");
        }
        let fields = toml::to_string(objective).unwrap_or_default();
        let _ = write!(text, "[[objective]]\n{fields}");
    }
    text
}
