//! Shows how agents came back from faults, and what the others felt.

use super::found::{Found, Recoveries};
use crate::experiments::open_loops::{self, fails_by_itself};
use crate::experiments::{Shown, answers, labels};
use crate::metrics::quantity::quantities;
use crate::metrics::{Metric, Topic, shared};
use crate::record::{Phase, Window};
use crate::view::{Cell, Emphasis, Form, Table, Value, View};

quantities! {
    /// Median time from when an agent's fault was due until its next good reply was seen.
    MEDIAN_RECOVERY = "recovery-median", "median recovery", Nanoseconds, Lower, Load;
}

type Part<'a> = Shown<'a, Found>;

pub(super) fn show(parts: &[Part], to: &mut View) {
    let found = |part: &Part| part.found.first().map(|Found::Recovery(found)| found.clone());
    let rows: Vec<(&Part, Recoveries)> =
        parts.iter().filter_map(|part| Some((part, found(part)?))).collect();
    to.table(recoveries(&rows));
    let before = to.metrics.len();
    for (part, found) in &rows {
        metrics(part, found, to);
        object(part, found, to);
    }
    let back = answers::beside("after a fault", &MEDIAN_RECOVERY, &to.metrics[before..]);
    let faults = rows.first().map(|(_, found)| format!("median of {} faults", found.faults));
    to.answer(back.map(|answer| answer.remark(faults.unwrap_or_default()).aside()));
    for part in parts {
        to.charts.extend(open_loops::timeline(part, Topic::Load, &[], ""));
    }
    to.table(open_loops::phases(parts, "recovery-phases", Topic::Load));
}

fn recoveries(rows: &[(&Part, Recoveries)]) -> Table {
    Table::of("recovery", "Recovery from faults", Topic::Load, rows)
        .text("agent", "agent", |(part, _)| part.part.agent.clone())
        .text("backend", "backend", |(part, _)| part.part.backend_name())
        .number("agents", "agents", Form::Integer, |(part, _)| Some(part.part.agents as f64))
        .number("offered", "offered/s", Form::Rate, |(part, _)| part.part.rate)
        .number("faults", "faults", Form::Count, |(_, found)| Some(found.faults as f64))
        .cells("back", "back", Some(Form::Count), |(_, found)| {
            let back = Cell::from(Value::Number(found.time.count() as f64, Form::Count));
            match found.missing() {
                0 => back,
                _ => back.seen(Emphasis::Bad),
            }
        })
        .percentile("back_p50", "back p50", 0.5, |(_, found)| Some(&found.time))
        .percentile("back_p99", "back p99", 0.99, |(_, found)| Some(&found.time))
        .strong()
        .number("back_max", "back max", Form::Time, |(_, found)| found.time.max())
        .number("failed", "failed", Form::Count, |(_, found)| Some(found.failed as f64))
        .number("lost", "lost", Form::Count, |(_, found)| Some(found.lost as f64))
        .number("others_p99", "others' p99", Form::Time, |(part, _)| p99(part, Phase::Steady))
        .number("faulty_p99", "with faults", Form::Time, |(part, _)| p99(part, Phase::Faults))
        .number("others_change", "with faults ÷ without", Form::Ratio, |(part, _)| {
            Some(p99(part, Phase::Faults)? / p99(part, Phase::Steady)?)
        })
        .strong()
        .done()
}

fn p99(part: &Part, phase: Phase) -> Option<f64> {
    part.phase(phase)?.latency.supported_quantile(0.99)
}

/// Returns why neither times nor agents that did not come back are judged; `None` if they are.
fn withheld(part: &Part) -> Option<String> {
    part.withheld(Phase::Faults).or_else(|| part.withheld(Phase::Steady))
}

fn metrics(part: &Part, found: &Recoveries, to: &mut View) {
    let labels = || labels(&part.part);
    let mut all = Window::new(Phase::Faults, 0);
    let measured = part.phases.iter().filter(|phase| phase.phase.is_measured());
    measured.for_each(|phase| all.absorb(phase));
    // Those that make an agent fault count as neither.
    all.due = all.good + all.failed + found.lost;
    all.meant = 0;
    if all.due > 0 {
        let share = all.good as f64 / all.due as f64;
        let withheld = withheld(part).filter(|_| !fails_by_itself(&all));
        to.metric(Metric::single(&shared::SUCCESS, labels(), share).withheld(withheld));
    }
    let withheld = withheld(part);
    // The times of those that came back say nothing of those that did not.
    if found.missing() > 0 && withheld.is_none() {
        return;
    }
    let longest = found.time.max();
    to.metric(
        longest.map(|ns| {
            Metric::single(&shared::RECOVERY_TIME, labels(), ns).withheld(withheld.clone())
        }),
    );
    let median = found.time.median_interval();
    to.metric(median.map(|median| {
        Metric::estimated(&MEDIAN_RECOVERY, labels(), median, Vec::new()).withheld(withheld)
    }));
}

/// Objects if not all came back. Nobody knows whether an agent that was kept from its core would
/// have; a message that is not accounted for is lost on any machine.
fn object(part: &Part, found: &Recoveries, to: &mut View) {
    let name = part.name();
    if found.missing() > 0 && withheld(part).is_none() {
        to.object(format!(
            "{name}: {} of {} agents that faulted came back",
            found.time.count(),
            found.faults
        ));
    }
    if found.lost > 0 {
        to.object(format!("{name}: nothing was heard of {} messages", found.lost));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Disturbance, Finding, Part, RunPart};

    const STEAL: Option<Disturbance> = Some(Disturbance::Steal { share: 0.4 });

    fn shown(back: u64) -> View {
        shown_after(back, None)
    }

    fn shown_after(back: u64, invalid: Option<Disturbance>) -> View {
        let mut found = Recoveries { faults: 24, ..Recoveries::default() };
        (0..back).for_each(|n| found.time.record(1_000_000 + n));
        let mut part = RunPart::new(Part::new("recovery", "faulty"));
        for second in 0..4 {
            let mut window = Window::new(Phase::Faults, second * 1_000_000_000);
            window.end_ns += 1_000_000_000;
            (window.due, window.good, window.invalid) = (100, 100, invalid);
            part.add(&window);
        }
        part.settle();
        part.findings = vec![Finding::of(&Found::Recovery(found))];
        let mut view = View::default();
        show(&[Shown::new(&part)], &mut view);
        view
    }

    #[test]
    fn agents_that_did_not_come_back_are_an_objection_and_no_time_is_graded() {
        let (all, some) = (shown(24), shown(21));
        let is_timed = |view: &View| {
            let mut metrics = view.metrics.iter();
            metrics.any(|metric| *metric.quantity == shared::RECOVERY_TIME)
        };
        assert!(is_timed(&all) && all.objections.is_empty());
        assert!(!is_timed(&some));
        assert!(some.objections[0].contains("21 of 24"), "{some:?}");
    }

    #[test]
    fn agents_that_did_not_come_back_on_a_disturbed_machine_are_not_judged() {
        let view = shown_after(21, STEAL);
        assert!(view.objections.is_empty(), "{view:?}");
        let time = view.metrics.iter().find(|it| *it.quantity == shared::RECOVERY_TIME).unwrap();
        assert!(time.withheld.as_ref().unwrap().contains("steal 40 %"), "{time:?}");
    }
}
