//! Verdicts as tables.

use crate::metrics::format as units;
use crate::report::page::{list, machine};
use crate::report::table::{Align, Cell, Style, Table};
use crate::verdict::gate::{Gated, Judged, Outcome, Verdict};

pub fn page(gated: &Gated, style: Style) -> String {
    let mut blocks = vec![heading(gated, style), table(gated).draw(style)];
    let told = gated
        .metrics
        .iter()
        .filter(|judged| judged.outcome() > Outcome::Pass || judged.remark.is_some());
    blocks.push(list(told.map(Judged::sentence).collect(), style));
    blocks.push(list(conditions(gated), style));
    blocks.retain(|block| !block.is_empty());
    blocks.join("\n")
}

fn heading(gated: &Gated, style: Style) -> String {
    let count = |verdict| gated.of(verdict).count();
    let mark = if style == Style::Markdown { "### " } else { "" };
    let outcome = match gated.outcome() {
        Outcome::Fail => "does not hold",
        Outcome::Warn => "holds, with warnings",
        Outcome::Pass => "holds",
    };
    format!(
        "{mark}The gate {outcome}: {} regressed, {} improved, {} equivalent, {} inconclusive\n",
        count(Verdict::Regressed),
        count(Verdict::Improved),
        count(Verdict::Equivalent),
        count(Verdict::Inconclusive),
    )
}

fn table(gated: &Gated) -> Table {
    let mut table = Table::new([
        ("metric", Align::Left),
        ("old", Align::Right),
        ("new", Align::Right),
        ("change", Align::Right),
        ("99 % interval", Align::Right),
        ("allowed", Align::Right),
        ("verdict", Align::Left),
        ("smallest seen", Align::Right),
        ("pairs", Align::Right),
    ]);
    for judged in &gated.metrics {
        let verdict = verdict(judged);
        table.add([
            Cell::strong(&judged.metric.name),
            Cell::plain(value(judged, judged.old)),
            Cell::plain(value(judged, judged.new)),
            Cell::strong(
                judged
                    .change
                    .map_or_else(dash, |change| signed(change.value)),
            ),
            Cell::dim(match judged.change {
                Some(change) if !judged.counted => units::range(change, signed),
                _ => "exact".to_owned(),
            }),
            Cell::dim(format!("{:.1} %", judged.margin * 100.0)),
            if judged.outcome() == Outcome::Pass {
                Cell::plain(verdict)
            } else {
                Cell::strong(verdict)
            },
            Cell::dim(units::or_dash(judged.smallest, signed)),
            Cell::dim(judged.pairs),
        ]);
    }
    table
}

fn verdict(judged: &Judged) -> String {
    let name = match judged.verdict {
        Verdict::Regressed if !judged.counted && judged.confirmed => "regressed, confirmed",
        Verdict::Regressed => "regressed",
        Verdict::Improved => "improved",
        Verdict::Equivalent => "equivalent",
        Verdict::Inconclusive => "inconclusive",
    };
    if judged.terms.gates {
        return name.to_owned();
    }
    format!("{name} (does not gate)")
}

fn value(judged: &Judged, value: f64) -> String {
    match judged.metric.unit.as_str() {
        "ns" => units::time(value),
        "bytes" => units::size(value as u64),
        "" => number(value),
        unit => format!("{} {unit}", number(value)),
    }
}

fn number(value: f64) -> String {
    if value.abs() < 100.0 && value.fract() != 0.0 {
        return format!("{value:.2}");
    }
    units::grouped(value)
}

fn signed(share: f64) -> String {
    format!("{:+.1} %", share * 100.0)
}

fn dash() -> String {
    "-".to_owned()
}

fn conditions(gated: &Gated) -> Vec<String> {
    let mut lines = vec![
        format!("old: {}; new: {}", gated.old, gated.new),
        format!("one observation is {}; {}", gated.unit, method(gated)),
        machine(&gated.environment),
    ];
    lines.extend(gated.noise.warning());
    lines.extend(gated.notes.iter().map(|note| format!("note: {note}")));
    lines
}

fn method(gated: &Gated) -> String {
    if gated.metrics.iter().all(|judged| judged.p.is_none()) {
        return "whole intervals are held against what is allowed".to_owned();
    }
    format!(
        "signed-rank tests at {}, corrected by {} over the timed metrics",
        gated.alpha, gated.correction
    )
}
