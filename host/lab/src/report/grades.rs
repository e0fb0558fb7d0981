//! How good the results are, by the targets.

use crate::record::Results;
use crate::report::page::list;
use crate::report::table::{Align, Cell, Style, Table};
use crate::verdict::{Grade, Graded};

/// More than so many are not all shown: those that miss their target are what matters.
const MANY: usize = 12;

pub fn block(results: &Results, graded: &[Graded], style: Style) -> Option<String> {
    if graded.is_empty() {
        return None;
    }
    let well = graded.iter().filter(|g| g.grade == Grade::Target).count();
    let sentence = format!("{well} of {} results meet their target", graded.len());
    let is_shown = |g: &&Graded| graded.len() <= MANY || g.grade != Grade::Target;
    let shown: Vec<&Graded> = graded.iter().filter(is_shown).collect();
    if shown.is_empty() {
        return Some(list(vec![sentence], style));
    }
    let mut table = Table::new([
        ("graded", Align::Left),
        ("metric", Align::Left),
        ("measured", Align::Right),
        ("target", Align::Right),
        ("acceptable", Align::Right),
        ("critical", Align::Right),
        ("grade", Align::Left),
    ]);
    for result in shown {
        let grade = result.grade.name();
        table.add([
            Cell::plain(results.parts[result.part].name()),
            Cell::plain(result.metric.name()),
            Cell::strong(number(result.value)),
            Cell::dim(number(result.bounds.target)),
            Cell::dim(number(result.bounds.acceptable)),
            Cell::dim(number(result.bounds.critical)),
            match result.grade {
                Grade::Target => Cell::plain(grade),
                _ => Cell::strong(grade),
            },
        ]);
    }
    Some(table.draw(style) + "\n" + &list(vec![sentence], style))
}

/// Three digits, or all before the point.
fn number(value: f64) -> String {
    match value.abs() {
        100.0.. => crate::metrics::format::grouped(value),
        10.0.. => format!("{value:.1}"),
        0.1.. => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}
