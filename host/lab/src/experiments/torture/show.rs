//! Shows what attacks came to.

use super::found::{AttackStats, Found, StressReport};
use crate::experiments::{Shown, labels};
use crate::metrics::format::{grouped, or_dash, percent, size, time};
use crate::metrics::quantity::quantities;
use crate::metrics::{Metric, Topic};
use crate::stats::Distribution;
use crate::view::{Answer, Cell, Emphasis, Form, Table, Value, View};

quantities! {
    /// 99th percentile of the good agents' messages while attacks strike.
    ATTACKED_P99 = "attacked-p99", "neighbours' p99", Nanoseconds, Lower, Isolation;
    /// Longest time of a good agent's message while attacks strike.
    ATTACKED_LONGEST = "attacked-longest", "neighbours' longest", Nanoseconds, Lower, Isolation;
}

pub(super) fn show(parts: &[Shown<Found>], to: &mut View) {
    for part in parts {
        for Found::Stress(report) in &part.found {
            to.table(table(report));
            sentences(report, to);
            answer(report, to);
            let p99 = report.with.supported_quantile(0.99);
            let longest = report.with.max();
            for (quantity, value) in [(&ATTACKED_P99, p99), (&ATTACKED_LONGEST, longest)] {
                let labels = labels(&part.part);
                to.metric(value.map(|value| Metric::single(quantity, labels, value)));
            }
            to.objections.extend(report.objections());
        }
    }
}

/// Answers whether every attack was contained, and what its neighbours felt.
fn answer(report: &StressReport, to: &mut View) {
    let all = report.attacks.len();
    let contained = report.attacks.iter().filter(|attack| attack.wrong.is_empty()).count();
    let struck: u64 = report.attacks.iter().map(|attack| attack.count).sum();
    let topic = Topic::Isolation;
    let figure = format!("{contained} of {all} contained");
    let strikes = format!("{} strikes, seed {}", grouped(struck as f64), report.seed);
    to.answer(Answer::new(topic, "attacks", figure).remark(strikes));
    let brief = |times: &Distribution| match times.supported_quantile(0.99) {
        Some(ns) => Form::Time.brief(ns),
        None => "too few messages".to_owned(),
    };
    let longest = or_dash(report.with.max(), |ns| Form::Time.brief(ns));
    let answer = Answer::new(topic, "neighbours' p99", brief(&report.with));
    let without = format!("{} without attacks, longest {longest}", brief(&report.without));
    to.answer(answer.remark(without));
    let figure = format!("{} of {}", grouped(report.good as f64), grouped(report.sent as f64));
    let live =
        format!("answered; {} of {} good agents live", report.accounts.agents, report.agents);
    to.answer(Answer::new(topic, "neighbours' messages", figure).remark(live));
}

fn table(report: &StressReport) -> Table {
    Table::of("attacks", "Attacks", Topic::Isolation, &report.attacks)
        .cells("attack", "attack", None, |attack| match attack.wrong.is_empty() {
            true => Cell::text(&attack.name),
            false => Cell::text(format!("{}: WRONG", attack.name)).seen(Emphasis::Bad),
        })
        .number("count", "count", Form::Integer, |attack| Some(attack.count as f64))
        .percentile("p99_same_shard", "p99 same shard", 0.99, |attack| Some(&attack.same_shard))
        .percentile("p99_others", "p99 others", 0.99, |attack| Some(&attack.others))
        .number("longest", "longest", Form::Time, AttackStats::longest)
        .text("called", "called", |attack| briefly(&attack.called))
        .seen(Emphasis::Dim)
        .done()
}

fn sentences(report: &StressReport, to: &mut View) {
    let p99 = |times: &Distribution| Value::percentile(times, 0.99).show();
    let accounts = &report.accounts;
    let lines = [
        format!(
            "hostile agents: {}",
            match report.is_quarantined {
                true => "in quarantine, on a thread that gives way",
                false => "on the good ones' threads",
            }
        ),
        format!(
            "neighbours' p99: {} without attacks, {} with them (longest {}); of {} messages {} were \
             answered",
            p99(&report.without),
            p99(&report.with),
            or_dash(report.with.max(), time),
            grouped(report.sent as f64),
            grouped(report.good as f64),
        ),
        format!(
            "accounts: {} accepted = {} handled + {} failed + {} dead-lettered + {} queued; {} of {} \
             good agents live",
            accounts.accepted,
            accounts.handled,
            accounts.failed,
            accounts.dead_lettered,
            accounts.queued,
            accounts.agents,
            report.agents,
        ),
        format!(
            "resident: {} before, {} after ({})",
            report.resident_before.map_or_else(|| "-".to_owned(), size),
            report.resident_after.map_or_else(|| "-".to_owned(), size),
            or_dash(report.growth(), percent),
        ),
        format!("seed: {}", report.seed),
    ];
    for line in lines {
        to.finding(Topic::Isolation, line);
    }
}

/// Returns the beginning of a cause, which names it: the rest is what to do.
fn briefly(called: &str) -> String {
    const MOST: usize = 70;
    let called = called.trim_start_matches("the agent does not start: ");
    let mut brief: String = called.chars().take(MOST).collect();
    if brief.len() < called.len() {
        brief.push('…');
    }
    brief
}
