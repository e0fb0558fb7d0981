//! Shows the hottest functions, the flamegraphs, and the cost of sampling.

use super::found::{Found, Stacks};
use super::growth::Builds;
use crate::experiments::{Shown, labels};
use crate::metrics::format::{percent, range, size, times};
use crate::metrics::quantity::quantities;
use crate::metrics::{Metric, Topic};
use crate::record::Hot;
use crate::sampling::stacks::SAMPLED;
use crate::stats::median_interval;
use crate::verdict::gate::Growth;
use crate::view::{Answer, Flamegraph, Form, Table, View};
use sandlab_runtime::BackendKind;

quantities! {
    /// Time per message while the guest's stack is sampled ÷ that without, in the same round.
    SAMPLING_COST = "sampling-cost", "sampled vs not", Ratio, Lower, Overhead;
}

/// Functions that a table has of a part.
const SHOWN: usize = 10;

/// The fewest samples of a profile that is shown without a warning.
const ENOUGH: u64 = 200;

/// The largest slowdown by sampling with which a profile still counts, as a factor.
const MOST_COST: f64 = 1.05;

type Part<'a> = Shown<'a, Found>;

/// A function of a side of a part.
struct Row<'a> {
    part: &'a Part<'a>,
    backend: BackendKind,
    hot: Hot,
}

pub(super) fn show(parts: &[Part], to: &mut View) {
    let (mut rows, mut grown): (Vec<Row>, Vec<Growth>) = (Vec::new(), Vec::new());
    for part in parts {
        match Builds::of(part) {
            Some(builds) => grown.extend(compared(part, &builds, to)),
            None => {
                for found in &part.found {
                    rows.extend(alone(part, found, to));
                }
            }
        }
    }
    to.answer(hottest(&rows));
    to.table(table(&rows));
    to.table(growth_table(&grown));
}

/// Shows a guest or its twin. Returns the hottest functions.
fn alone<'a>(part: &'a Part, found: &Found, to: &mut View) -> Vec<Row<'a>> {
    let backend = match found {
        Found::NoTwin { why } => {
            to.note(format!("the twin's functions are not shown: {why}"));
            return Vec::new();
        }
        Found::Stacks(stacks) if stacks.side == SAMPLED => {
            guest(part, stacks, to);
            BackendKind::Wasm
        }
        Found::Stacks(stacks) if stacks.folded.samples() < ENOUGH => {
            let samples = stacks.folded.samples();
            to.note(format!("the twin's functions are not shown: {samples} samples are too few"));
            return Vec::new();
        }
        Found::Stacks(_) => BackendKind::Native,
    };
    let hottest = stacks(found).flat_map(|stacks| stacks.folded.hottest()).take(SHOWN);
    hottest.filter(|hot| hot.total > 0.0).map(|hot| Row { part, backend, hot }).collect()
}

/// Returns the stacks that a finding has.
fn stacks(found: &Found) -> impl Iterator<Item = &Stacks> {
    let stacks = match found {
        Found::Stacks(stacks) => Some(stacks),
        Found::NoTwin { .. } => None,
    };
    stacks.into_iter()
}

/// Shows a guest by itself.
fn guest(part: &Part, stacks: &Stacks, to: &mut View) {
    let (name, samples) = (name(part), stacks.folded.samples());
    to.flamegraphs.push(Flamegraph {
        topic: Topic::Overhead,
        caption: format!("Where the time of {name} goes inside the guest: {samples} samples"),
        stacks: stacks.folded.stacks.clone(),
        before: None,
        interval_ns: stacks.interval_ns,
    });
    if samples < ENOUGH {
        to.note(format!(
            "{name}: {samples} samples are too few to tell functions apart; the guest's own time is \
             short beside the host's, or there were few rounds (`--rounds`)"
        ));
    }
    unnamed(&name, stacks, to);
    cost(part, &name, stacks, to);
}

/// Says that functions have no names, and how to keep them.
fn unnamed(name: &str, stacks: &Stacks, to: &mut View) {
    if stacks.folded.unnamed > 0 {
        to.note(format!(
            "{name}: {} of the samples are in functions without a name; build the guest without \
             stripping its `name` section (in C without `-s`, in Go without \
             `-ldflags=-s`) to see them",
            percent(stacks.folded.unnamed_share())
        ));
    }
}

/// Reports the cost of sampling, in the rounds in which it was done.
fn cost(part: &Part, name: &str, stacks: &Stacks, to: &mut View) {
    let ratios = part.rounds.ratios(SAMPLED, BackendKind::Wasm.name());
    let Some(cost) = median_interval(&ratios) else {
        return;
    };
    let withheld = part.rounds_tally().withheld("rounds");
    let interval = cost.ends().map(|_| format!(" ({})", range(cost, times)));
    to.finding(
        Topic::Overhead,
        format!(
            "sampling {name} every {} ms: messages took {} times{} what they take without",
            stacks.interval_ns as f64 / 1e6,
            times(cost.value),
            interval.unwrap_or_default()
        ),
    );
    if withheld.is_none() && cost.low.is_some_and(|low| low > MOST_COST) {
        to.note(format!(
            "{name}: sampling cost more than 5 %, so that deep stacks weigh more here than they do \
             in the guest by itself"
        ));
    }
    let metric = Metric::median(&SAMPLING_COST, labels(&part.part), ratios);
    to.metric(metric.map(|metric| metric.withheld(withheld)));
}

/// Shows two builds. Returns the functions that have grown, and by how much.
fn compared(part: &Part, builds: &Builds, to: &mut View) -> Vec<Growth> {
    let name = name(part);
    let grown = builds.grown();
    for growth in &grown {
        to.finding(Topic::Gate, growth.sentence());
    }
    if [&builds.old.0, &builds.new.0].iter().any(|build| build.unnamed > 0) {
        to.note(format!(
            "{name}: functions without a name have other numbers in another build, so that none of \
             them can be said to have grown"
        ));
    }
    let sides = || part.found.iter().flat_map(stacks);
    let interval_ns = sides().map(|stacks| stacks.interval_ns).next();
    for stacks in sides() {
        unnamed(&format!("{name}, {}", stacks.side), stacks, to);
    }
    to.flamegraphs.push(Flamegraph {
        topic: Topic::Gate,
        caption: format!(
            "{name}, the new build against the old one: red is what takes more time per message \
             than before, blue what takes less; widths are the new build's"
        ),
        stacks: builds.new.0.stacks.clone(),
        before: Some(builds.before()),
        interval_ns: interval_ns.unwrap_or(1),
    });
    grown
}

fn name(part: &Part) -> String {
    format!("{}, {}", part.part.agent, size(part.part.bytes().unwrap_or(0)))
}

/// Answers where the time goes, if one subject was asked about: at its largest message.
fn hottest(rows: &[Row]) -> Option<Answer> {
    let agent = &rows.first()?.part.part.agent;
    if rows.iter().any(|row| row.part.part.agent != *agent) {
        return None;
    }
    let largest = rows.iter().map(|row| row.part.part.bytes()).max()?;
    let is_it = |row: &&Row| row.part.part.bytes() == largest && row.backend == BackendKind::Wasm;
    let row = rows.iter().find(is_it)?;
    let figure = Form::Share.brief(row.hot.own);
    let answer = Answer::new(Topic::Overhead, "hottest function", figure);
    Some(answer.remark(row.hot.function.clone()).remark(name(row.part)))
}

fn table(rows: &[Row]) -> Table {
    Table::of("functions", "Hottest functions", Topic::Overhead, rows)
        .text("agent", "agent", |row| row.part.part.agent.clone())
        .number("message", "message", Form::Size, |row| {
            row.part.part.bytes().map(|bytes| bytes as f64)
        })
        .text("backend", "backend", |row| row.backend.name())
        .number("self", "self", Form::Share, |row| Some(row.hot.own))
        .strong()
        .number("total", "total", Form::Share, |row| {
            // Of a twin only the innermost functions are known.
            (row.backend == BackendKind::Wasm).then_some(row.hot.total)
        })
        .text("function", "function", |row| row.hot.function.clone())
        .done()
}

fn growth_table(grown: &[Growth]) -> Table {
    Table::of("growth", "Functions that grew most", Topic::Gate, grown)
        .text("function", "function", |growth| growth.function.clone())
        .number("message", "message", Form::Size, |growth| Some(growth.bytes as f64))
        .number("before", "self before", Form::Share, |growth| Some(growth.before))
        .number("after", "self after", Form::Share, |growth| Some(growth.after))
        .strong()
        .number("before_time", "before/msg", Form::Time, |growth| Some(growth.before_ns))
        .number("after_time", "after/msg", Form::Time, |growth| Some(growth.after_ns))
        .done()
}
