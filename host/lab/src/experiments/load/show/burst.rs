//! Shows the course of a burst and of the recovery.

use super::{BURST_P99, Part};
use crate::experiments::load::recovered::{NOISY, Outcome, Recovered, recovered};
use crate::experiments::open_loops::{fails_by_itself, timeline};
use crate::experiments::{answers, labels};
use crate::metrics::format::time;
use crate::metrics::{Metric, Topic, shared};
use crate::record::Phase;
use crate::view::{Answer, Cell, Emphasis, Form, Mark, Table, Value, View};

pub(super) fn show(parts: &[&Part], to: &mut View) {
    let rows: Vec<(&Part, Recovered)> =
        parts.iter().filter_map(|part| Some((*part, recovered(part)?))).collect();
    to.table(bursts(&rows));
    parts.iter().for_each(|part| success(part, to));
    let before = to.metrics.len();
    for (part, found) in &rows {
        metrics(part, found, to);
        charts(part, found, to);
        let name = part.name();
        match found.outcome {
            Outcome::After(0.0) => to.finding(Topic::Load, format!("{name}: recovered at once")),
            Outcome::After(_) => {}
            // A machine that is busy with other things keeps p99 up by itself.
            Outcome::NotWithin(watched) if withheld(part).is_none() => {
                to.object(format!("{name}: not recovered within {watched:.1} s"));
            }
            Outcome::NotWithin(_) => {}
            Outcome::NoisyBaseline => to.note(format!(
                "{name}: its baseline was too noisy to tell when all was as before: p99 reached \
                 {} before the burst, and a baseline has at most {}",
                time(found.p99_before),
                time(NOISY)
            )),
        }
    }
    let back = answers::beside("after a burst", &shared::RECOVERY_TIME, &to.metrics[before..]);
    to.answer(back.map(|answer| at_once(answer).aside()));
}

/// Writes a time of nothing as a person would.
fn at_once(answer: Answer) -> Answer {
    match answer.figure == Form::Time.brief(0.0) {
        true => Answer { figure: "as before at once".to_owned(), ..answer },
        false => answer,
    }
}

/// Grades what the agents make of the load before the burst: in it some may be refused.
fn success(part: &Part, to: &mut View) {
    let before = part.phase(Phase::Baseline);
    let Some((before, share)) = before.and_then(|phase| Some((phase, phase.success()?))) else {
        return;
    };
    let withheld = part.withheld(Phase::Baseline).filter(|_| !fails_by_itself(before));
    let metric = Metric::single(&shared::SUCCESS, labels(&part.part), share);
    to.metric(metric.withheld(withheld));
    if before.good == 0 {
        to.object(format!("{}: no message came to a good reply before the burst", part.name()));
    }
}

fn bursts(rows: &[(&Part, Recovered)]) -> Table {
    let seconds = |seconds: f64| Value::Number(seconds * 1e9, Form::Time);
    Table::of("bursts", "Bursts", Topic::Load, rows)
        .text("agent", "agent", |(part, _)| part.part.agent.clone())
        .text("backend", "backend", |(part, _)| part.part.backend_name())
        .number("agents", "agents", Form::Integer, |(part, _)| Some(part.part.agents as f64))
        .number("offered", "offered/s", Form::Rate, |(part, _)| part.part.rate)
        .number("good_rate", "good/s", Form::Rate, |(part, _)| {
            Some(part.phase(Phase::Burst)?.rate())
        })
        .number("p99_before", "p99 before", Form::Time, |(part, _)| p99(part, Phase::Baseline))
        .number("p99_burst", "p99 in it", Form::Time, |(part, _)| p99(part, Phase::Burst))
        .strong()
        .number("p99_after", "p99 after", Form::Time, |(part, _)| p99(part, Phase::Recovery))
        .number("peak_backlog", "peak backlog", Form::Count, |(_, found)| {
            Some(found.peak_backlog as f64)
        })
        .number("refused", "refused", Form::Count, |(part, _)| {
            Some(part.phases.iter().map(|phase| phase.refused).sum::<u64>() as f64)
        })
        .number("failed", "failed", Form::Count, |(_, found)| Some(found.failed as f64))
        .number("drained", "drained after", Form::Time, |(_, found)| Some(found.drained? * 1e9))
        .cells("recovered", "recovered after", Some(Form::Time), |(_, found)| match found.outcome {
            Outcome::After(after) => seconds(after).into(),
            Outcome::NotWithin(watched) => {
                let text = format!("not within {watched:.1} s");
                Cell::from(Value::Missing(text)).seen(Emphasis::Bad)
            }
            Outcome::NoisyBaseline => {
                Value::Missing("baseline too noisy to tell".to_owned()).into()
            }
        })
        .strong()
        .done()
}

fn p99(part: &Part, phase: Phase) -> Option<f64> {
    part.phase(phase)?.latency.supported_quantile(0.99)
}

fn metrics(part: &Part, found: &Recovered, to: &mut View) {
    let labels = || labels(&part.part);
    let p99 = p99(part, Phase::Burst);
    let windows = part.samples(Phase::Burst);
    let windows: Vec<f64> = windows.filter_map(|point| point.p99).collect();
    let of_burst = part.withheld(Phase::Burst);
    to.metric(p99.map(|p99| Metric::whole(&BURST_P99, labels(), p99, windows).withheld(of_burst)));
    let withheld = withheld(part);
    let seconds = match found.outcome {
        Outcome::After(after) => after,
        // It took at least as long, which is a result only where it is objected to.
        Outcome::NotWithin(watched) if withheld.is_some() => watched,
        Outcome::NotWithin(_) | Outcome::NoisyBaseline => return,
    };
    let time = Metric::single(&shared::RECOVERY_TIME, labels(), seconds * 1e9);
    to.metric(time.withheld(withheld));
}

/// Returns why the time of a recovery is not judged; `None` if it is.
fn withheld(part: &Part) -> Option<String> {
    let phases = [Phase::Baseline, Phase::Burst, Phase::Recovery];
    phases.into_iter().find_map(|phase| part.withheld(phase))
}

fn charts(part: &Part, found: &Recovered, to: &mut View) {
    let mut marks = Vec::new();
    if let Some(first) = part.points(Phase::Burst).next() {
        marks.push(Mark::Band(first.at - first.seconds, found.burst_end));
    }
    let told = match found.outcome {
        Outcome::After(after) => {
            marks.push(Mark::At(found.burst_end + after));
            format!("recovered after {after:.1} s (the line)")
        }
        Outcome::NotWithin(watched) => format!("not recovered within {watched:.1} s"),
        Outcome::NoisyBaseline => "the baseline is too noisy to tell a recovery".to_owned(),
    };
    let told = format!("; the burst is shaded, {told}");
    to.charts.extend(timeline(part, Topic::Load, &marks, &told));
}
