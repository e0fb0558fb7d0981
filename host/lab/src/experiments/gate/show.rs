//! Shows verdicts.

use crate::metrics::{Labels, Metric, Topic};
use crate::printable::printable;
use crate::record::Part;
use crate::sampling::pairs::quantity;
use crate::verdict::gate::{Compared, Judged, Outcome, Verdict};
use crate::view::{Cell, Emphasis, Form, Table, Value, View};

/// Shows each metric, in a sentence what somebody should look at, and the conditions.
pub(super) fn show(compared: &Compared, metrics: &[Judged], to: &mut View) {
    to.table(table(metrics));
    let told = metrics.iter();
    let told = told.filter(|judged| judged.outcome() > Outcome::Pass || judged.remark.is_some());
    for judged in told {
        to.finding(Topic::Gate, judged.sentence());
    }
    for sentence in metrics.iter().filter_map(disagrees) {
        to.finding(Topic::Gate, sentence);
    }
    let Compared { old, new, unit, .. } = compared;
    let method = match metrics.iter().any(|judged| judged.p.is_some()) {
        true => format!(
            "signed-rank tests at {}, corrected by {} over the timed metrics; `change` is the centre \
             of the pairs' ratios, and not the ratio of the two medians",
            compared.alpha, compared.correction
        ),
        false => "whole intervals are held against what is allowed".to_owned(),
    };
    to.conditions.push(format!("old: {}; new: {}", printable(old), printable(new)));
    to.conditions.push(format!("one observation is {unit}; {method}"));
}

/// Says why the change is not that of the two numbers beside it, where a reader would wonder.
fn disagrees(judged: &Judged) -> Option<String> {
    const MATTERS: f64 = 0.01;
    judged.p?;
    let (change, medians) = (judged.change?.value, judged.new / judged.old - 1.0);
    let percent = |share| Form::Change.show(share);
    ((change - medians).abs() > MATTERS).then(|| {
        format!(
            "{}: the change is {}, the centre of new ÷ old over all pairs; the two medians differ by \
             {}, since the machine was not always as fast, which only a pair leaves out",
            judged.metric.name,
            percent(change),
            percent(medians)
        )
    })
}

fn table(metrics: &[Judged]) -> Table {
    let number = Some(Form::Number);
    let interval = match metrics.iter().any(|judged| judged.p.is_some()) {
        true => "99 % interval",
        false => "interval",
    };
    Table::of("gate", "Gate", Topic::Gate, metrics)
        .text("metric", "metric", |judged| judged.metric.name.clone())
        .strong()
        .cells("old", "old", number, |judged| Cell::text(judged.shown(judged.old)))
        .cells("new", "new", number, |judged| Cell::text(judged.shown(judged.new)))
        .number("change", "change", Form::Change, |judged| Some(judged.change?.value))
        .strong()
        .cells("interval", interval, Some(Form::Change), |judged| match judged.change {
            Some(change) if !judged.counted => Value::range(Some(change), Form::Change).into(),
            _ => Cell::text("exact"),
        })
        .seen(Emphasis::Dim)
        .number("allowed", "allowed", Form::Share, |judged| Some(judged.margin))
        .seen(Emphasis::Dim)
        .cells("verdict", "verdict", None, verdict)
        .number("smallest", "smallest seen", Form::Change, |judged| judged.smallest)
        .seen(Emphasis::Dim)
        .number("pairs", "pairs", Form::Integer, |judged| {
            (judged.pairs > 0).then_some(judged.pairs as f64)
        })
        .seen(Emphasis::Dim)
        .done()
}

fn verdict(judged: &Judged) -> Cell {
    let name = match judged.verdict {
        Verdict::Regressed if !judged.counted && judged.confirmed => "regressed, confirmed",
        _ => judged.verdict_name(),
    };
    let text = match judged.rule.gates {
        true => name.to_owned(),
        false => format!("{name} (does not gate)"),
    };
    Cell::text(text).seen(match (judged.outcome(), judged.verdict) {
        (Outcome::Fail, _) => Emphasis::Bad,
        (Outcome::Warn, _) => Emphasis::Strong,
        (Outcome::Pass, Verdict::Improved) => Emphasis::Good,
        (Outcome::Pass, _) => Emphasis::Strong,
    })
}

/// Adds both builds of what is a quantity of the catalogue; a program's own metrics are none.
pub(super) fn metrics(part: &Part, metrics: &[Judged], to: &mut View) {
    for judged in metrics {
        let Some((quantity, size)) = quantity(&judged.metric.name) else {
            continue;
        };
        for (build, samples) in [("old", &judged.old_samples), ("new", &judged.new_samples)] {
            let labels = Labels::new()
                .with("experiment", &part.experiment)
                .with("agent", &part.agent)
                .with_some("size", size)
                .with("build", build);
            let metric = match samples.as_slice() {
                [first, rest @ ..] if judged.counted && rest.iter().all(|value| value == first) => {
                    Some(Metric::exact(quantity, labels, *first))
                }
                _ => Metric::median(quantity, labels, samples.clone()),
            };
            to.metric(metric);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Direction, Identity};
    use crate::record::Paired;
    use crate::verdict::gate::{NoiseFloor, Policy, judge};

    fn sentence(slow: usize, fast: usize) -> Option<String> {
        let metric =
            Identity { name: "time".to_owned(), unit: "ns".to_owned(), better: Direction::Lower };
        let mut paired = Paired::timed(metric);
        (0..slow).for_each(|_| paired.add([100.0, 104.0]));
        (0..fast).for_each(|_| paired.add([100.0, 100.1]));
        let judged = judge(&[paired], &Policy::standard(), &NoiseFloor::default());
        disagrees(&judged[0])
    }

    #[test]
    fn a_change_that_the_two_medians_do_not_have_is_explained() {
        let told = sentence(16, 14).unwrap();
        assert!(
            told.contains("the change is +2.0 %") && told.contains("differ by +4.0 %"),
            "{told}"
        );
        assert_eq!(sentence(30, 0), None);
    }
}
