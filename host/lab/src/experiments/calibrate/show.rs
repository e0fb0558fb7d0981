//! Shows what a calibration found.

use crate::metrics::Topic;
use crate::verdict::gate::{Calibration, Trial, Verdict};
use crate::view::{Answer, Form, Table, View};

/// The gates with one slowdown, as one kind of metric has them.
struct Row<'a> {
    trial: &'a Trial,
    kind: &'a str,
}

impl Row<'_> {
    /// Returns the share of metrics with a verdict; `None` if there are none.
    fn share(&self, verdict: Verdict) -> Option<f64> {
        let count = |verdict| self.trial.called(self.kind, verdict);
        let all: usize = Verdict::ALL.into_iter().map(count).sum();
        (all > 0).then(|| count(verdict) as f64 / all as f64)
    }
}

pub(super) fn show(calibration: &Calibration, to: &mut View) {
    let rows = calibration.trials.iter().flat_map(|trial| {
        let kinds = trial.kinds().into_iter();
        kinds.map(move |kind| Row { trial, kind })
    });
    let rows: Vec<_> = rows.collect();
    let share = |verdict| move |row: &Row| row.share(verdict);
    to.table(
        Table::of("calibration", "Gates of a guest against itself", Topic::Gate, &rows)
            .number("slowdown", "slowdown", Form::Change, |row| Some(row.trial.share))
            .strong()
            .number("gates", "gates", Form::Integer, |row| Some(row.trial.gates.len() as f64))
            .number("failed", "do not hold", Form::Share, |row| {
                Some(row.trial.failed() as f64 / row.trial.gates.len() as f64)
            })
            .strong()
            .text("metric", "metric", |row| row.kind)
            .number("regressed", "regressed", Form::Share, share(Verdict::Regressed))
            .number("equivalent", "equivalent", Form::Share, share(Verdict::Equivalent))
            .number("inconclusive", "inconclusive", Form::Share, share(Verdict::Inconclusive))
            .number("improved", "improved", Form::Share, share(Verdict::Improved))
            .done(),
    );
    let (gates, failed) = calibration.false_alarms();
    to.finding(
        Topic::Gate,
        format!("false alarms: {failed} of {gates} gates of a build against itself"),
    );
    let figure = format!("{failed} of {gates} gates");
    to.answer(Answer::new(Topic::Gate, "false alarms", figure).remark("of a build against itself"));
    for (kind, share) in calibration.noise() {
        let figure = format!("{:.2} %", share * 100.0);
        let answer = Answer::new(Topic::Gate, format!("noise of {kind}"), figure);
        to.answer(answer.remark("no smaller change counts on this machine"));
        let share = share * 100.0;
        to.finding(
            Topic::Gate,
            format!(
                "noise floor of {kind}: {share:.2} %, below which no change counts on this machine"
            ),
        );
    }
}
