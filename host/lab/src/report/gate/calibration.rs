//! What a calibration found, for a person.

use crate::report::page::list;
use crate::report::table::{Align, Cell, Style, Table};
use crate::verdict::gate::{Calibration, NoiseFloor, Verdict};

/// A row for each slowdown and kind of metric: how often which verdict.
pub fn render(calibration: &Calibration, floor: &NoiseFloor, colours: bool) -> String {
    let style = if colours { Style::Colour } else { Style::Plain };
    let mut table = Table::new([
        ("planted", Align::Right),
        ("gates", Align::Right),
        ("do not hold", Align::Right),
        ("metric", Align::Left),
        ("regressed", Align::Right),
        ("equivalent", Align::Right),
        ("inconclusive", Align::Right),
        ("improved", Align::Right),
    ]);
    for trial in &calibration.trials {
        let share = |count: usize, of: usize| match of {
            0 => "-".to_owned(),
            of => format!("{:.1} %", 100.0 * count as f64 / of as f64),
        };
        for kind in trial.kinds() {
            let count = |verdict| trial.called(kind, verdict);
            let all = [
                Verdict::Regressed,
                Verdict::Equivalent,
                Verdict::Inconclusive,
                Verdict::Improved,
            ];
            let sum = all.into_iter().map(count).sum();
            let [regressed, equivalent, inconclusive, improved] =
                all.map(|verdict| share(count(verdict), sum));
            table.add([
                Cell::strong(format!("{:+.0} %", trial.share * 100.0)),
                Cell::dim(trial.gates.len()),
                Cell::strong(share(trial.failed(), trial.gates.len())),
                Cell::plain(kind),
                Cell::plain(regressed),
                Cell::plain(equivalent),
                Cell::plain(inconclusive),
                Cell::plain(improved),
            ]);
        }
    }
    let mut lines = vec![format!(
        "false alarms: {} of {} gates of a build against itself",
        floor.false_alarms, floor.runs
    )];
    lines.extend(floor.floor.iter().map(|(kind, share)| {
        format!(
            "noise floor of {kind}: {:.2} %, below which no change counts on this machine",
            share * 100.0
        )
    }));
    format!("{}\n{}", table.draw(style), list(lines, style))
}
