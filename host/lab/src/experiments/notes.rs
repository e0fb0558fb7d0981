//! Notes on any run, whatever it measured.

use crate::metrics::format::{grouped, size};
use crate::record::{Run, RunPart, Shared};
use crate::stats::median_interval;
use crate::view::{Note, View};
use sandlab_runtime::span;
use std::time::Duration;

/// Begins a view with the notes that any run can have.
pub(super) fn view(run: &Run) -> View {
    let mut view = View { notes: run.notes.iter().map(Note::new).collect(), ..View::default() };
    for part in &run.parts {
        if let Some(why) = part.unavailable() {
            view.note(format!("{}: not available, because {why}", part.name()));
        }
        failures(part, &mut view);
        workers(part, &mut view);
    }
    left_out(run, &mut view);
    late_generator(run, &mut view);
    interleaved(run, &mut view);
    mixes(run, &mut view);
    if let Err(reason) = run.begin.sandbox.require_interrupt() {
        view.note(format!("no deadline was kept: {reason}"));
    }
    let accepted: u64 = run.parts.iter().flat_map(RunPart::shared).map(accepted).sum();
    if accepted > 0 {
        view.conditions.push(format!(
            "{} messages, each accounted for: handled, failed or dead-lettered",
            grouped(accepted as f64)
        ));
    }
    view
}

/// Says which mix of messages the figures of an agent hold for.
fn mixes(run: &Run, view: &mut View) {
    let mut told = Vec::new();
    for part in run.parts.iter().map(|part| &part.part) {
        if let Some(mix) = &part.mix {
            let line = format!(
                "{}: figures hold for the {} of {}, {} each on average, in order",
                part.agent,
                match mix.messages {
                    1 => "one message".to_owned(),
                    messages => format!("{} messages", grouped(messages as f64)),
                },
                mix.source,
                size(mix.mean_bytes)
            );
            if !told.contains(&line) {
                told.push(line);
            }
        }
    }
    view.conditions.extend(told);
}

/// Says how much did not count, and in how many parts.
fn left_out(run: &Run, view: &mut View) {
    let told = run.parts.iter().filter_map(|part| {
        let left_out = part.left_out();
        (!left_out.is_empty()).then(|| format!("{}, {}", part.name(), left_out.join("; ")))
    });
    let told: Vec<String> = told.collect();
    match told.as_slice() {
        [] => {}
        [one] => view.note(one.clone()),
        several => view.note_of(
            format!(
                "the machine was busy with other things: in {} of {} parts some windows or rounds \
                 did not count",
                several.len(),
                run.parts.len()
            ),
            told,
        ),
    }
}

/// Names the commonest failure of a part, and the commonest death of an agent: what is sent to one
/// that is not started again fails more often than it died, and says nothing of why.
fn failures(part: &RunPart, view: &mut View) {
    for finding in part.shared() {
        let Shared::Failures { texts } = finding else { continue };
        let all: u64 = texts.iter().map(|(_, count)| count).sum();
        let first = texts.first();
        let death = texts.iter().find(|(text, _)| text.starts_with(DEATH));
        let told = first.into_iter().chain(death.filter(|death| Some(*death) != first));
        for (text, count) in told {
            let (count, all) = (grouped(*count as f64), grouped(all as f64));
            view.note(format!("{}: {count} of {all} failures: {text}", part.name()));
        }
    }
}

/// The beginning of what a sender is told whose message ended an agent.
const DEATH: &str = "the agent ended: ";

/// Names the workers of a part that died, and the largest time between the starts of two workers.
fn workers(part: &RunPart, view: &mut View) {
    for finding in part.shared() {
        let Shared::Workers { workers } = finding else { continue };
        for worker in &workers {
            if let Some(why) = &worker.died {
                view.note(format!(
                    "{}: the worker {} died: {why}; what it was still due to send counts as due, not \
                     as answered",
                    part.name(),
                    worker.name
                ));
            }
        }
        let within = workers.iter().map(|worker| worker.started_within_ns).max().unwrap_or(0);
        let within = span(Duration::from_nanos(within));
        let told = match workers.len() {
            1 => format!("1 worker, which started within {within} of the order"),
            count => format!("{count} workers, which started within {within} of each other"),
        };
        view.conditions.push(format!("{}: {told}", part.name()));
    }
}

fn accepted(finding: Shared) -> u64 {
    match finding {
        Shared::Accounts(accounts) => accounts.accepted,
        _ => 0,
    }
}

/// Notes where the generator, and not the system under load, was too slow.
fn late_generator(run: &Run, view: &mut View) {
    let late = run.parts.iter().flat_map(|part| {
        let phases = part.phases.iter();
        let late = phases.filter(|phase| phase.phase.is_measured() && phase.is_generator_limited());
        late.map(|phase| format!("{}, {}", part.name(), phase.phase.name()))
    });
    let late: Vec<String> = late.collect();
    let why = "generator-limited: it left late (lag p99 is over a tenth of latency p99), or did not \
               send 99 % of what was due; the latency is in part the generator's";
    match late.as_slice() {
        [] => {}
        [one] => view.note(format!("{one}: {why}")),
        several => view.note_of(format!("in {} phases {why}", several.len()), late),
    }
}

/// `0.12 %`
fn small_percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

/// Notes the settings of interleaved rounds, and the cost of timing them.
fn interleaved(run: &Run, view: &mut View) {
    // Of the fastest side of each part. One part's may be a moment of the machine, hence their median.
    let shares = run.parts.iter().filter_map(|part| {
        let sides = part.rounds.sides.iter();
        let medians = sides.filter_map(|side| Some(median_interval(&side.ns)?.value));
        Some(part.rounds.timing_ns? / medians.reduce(f64::min)?)
    });
    let shares: Vec<f64> = shares.collect();
    if let Some(share) = median_interval(&shares) {
        let cases = match (shares.len(), share.ends()) {
            (1, _) => String::new(),
            (cases, None) => format!(", the median of {cases} cases"),
            (cases, Some((low, high))) => format!(
                ", the median of {cases} cases (95 % interval {} – {})",
                small_percent(low),
                small_percent(high)
            ),
        };
        let share = small_percent(share.value);
        view.conditions.push(format!("timing itself added at most {share} to a message{cases}"));
    }
    let rounds = run.parts.iter().map(|part| part.rounds.len()).filter(|rounds| *rounds > 0);
    if let Some((least, most)) = rounds.clone().min().zip(rounds.max()) {
        let rounds = if least == most { most.to_string() } else { format!("{least} to {most}") };
        view.conditions.push(format!(
            "{rounds} rounds of fresh instances, interleaved; 95 % intervals of the median"
        ));
    }
}
