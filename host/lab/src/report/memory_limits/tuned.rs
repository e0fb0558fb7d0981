//! What tuning found: the limit to paste, why it is the right one, and the working set.

use crate::experiments::memory::{Curve, PAGE, Tried, Tuned};
use crate::experiments::record::Part;
use crate::metrics::format::{limit, percent, size};
use crate::report::page::list;
use crate::report::table::{Align, Cell, Style, Table};

/// Rows of a curve, at most; the file has all.
const ROWS: usize = 8;

pub fn blocks(found: &[(&Part, &Tuned)], style: Style) -> Vec<String> {
    if found.is_empty() {
        return Vec::new();
    }
    let mut blocks = vec![limits(found).draw(style), curves(found).draw(style)];
    let sentences = found
        .iter()
        .flat_map(|(part, tuned)| sentences(part, tuned));
    blocks.push(list(sentences.collect(), style));
    blocks.extend(found.iter().map(|(part, tuned)| paste(part, tuned, style)));
    blocks
}

fn limits(found: &[(&Part, &Tuned)]) -> Table {
    let mut table = Table::new([
        ("agent", Align::Left),
        ("messages", Align::Right),
        ("peak with plenty", Align::Right),
        ("smallest limit", Align::Right),
        ("pages", Align::Right),
        ("headroom", Align::Right),
        ("recommended", Align::Right),
        ("limits tried", Align::Right),
        ("clean at recommended", Align::Right),
        ("at smallest", Align::Right),
        ("at a page less", Align::Right),
    ]);
    let clean = |tried: &Tried| format!("{} of {}", tried.clean, tried.tries);
    for (part, tuned) in found {
        table.add([
            Cell::plain(&part.agent),
            Cell::plain(tuned.messages),
            Cell::plain(limit(tuned.peak)),
            Cell::strong(limit(tuned.smallest)),
            Cell::plain(tuned.smallest / PAGE),
            Cell::plain(format!("{} %", tuned.headroom)),
            Cell::strong(limit(tuned.recommended)),
            Cell::plain(tuned.steps.len()),
            Cell::plain(clean(&tuned.at_recommended)),
            Cell::plain(clean(&tuned.at_smallest)),
            Cell::plain(clean(&tuned.one_page_less)),
        ]);
    }
    table
}

/// Linear memory over the workload.
fn curves(found: &[(&Part, &Tuned)]) -> Table {
    let mut table = Table::new([
        ("working set", Align::Left),
        ("message", Align::Right),
        ("after", Align::Right),
        ("of the workload", Align::Right),
        ("linear memory", Align::Right),
        ("of recommended", Align::Right),
    ]);
    for (part, tuned) in found {
        for curve in &tuned.curves {
            for (after, bytes) in shown(&curve.changes) {
                let share = after as f64 / (curve.messages * tuned.passes) as f64;
                table.add([
                    Cell::plain(&part.agent),
                    Cell::plain(series(curve)),
                    Cell::plain(match after {
                        0 => "its start".to_owned(),
                        n => format!("message {n}"),
                    }),
                    Cell::plain(percent(share)),
                    Cell::strong(limit(bytes)),
                    Cell::plain(percent(bytes as f64 / tuned.recommended as f64)),
                ]);
            }
        }
    }
    table
}

fn series(curve: &Curve) -> String {
    curve
        .size
        .map_or_else(|| "from file".to_owned(), |bytes| size(bytes as u64))
}

/// The changes to show: evenly many of a long curve, always the first and the last.
fn shown(changes: &[(u64, u64)]) -> Vec<(u64, u64)> {
    if changes.len() <= ROWS {
        return changes.to_vec();
    }
    let last = changes.len() - 1;
    (0..ROWS)
        .map(|row| changes[row * last / (ROWS - 1)])
        .collect()
}

fn sentences(part: &Part, tuned: &Tuned) -> Vec<String> {
    let agent = &part.agent;
    let mut lines = Vec::new();
    if let Some(out) = &tuned.one_page_less.ran_out {
        let where_ = match out.message {
            0 => "it does not start".to_owned(),
            n => format!("message {n} is too much"),
        };
        lines.push(format!(
            "{agent} with one page less, {}: {where_}: {}",
            limit(tuned.one_page_less.limit),
            out.outcome.text()
        ));
    }
    for curve in tuned.curves.iter().filter(|curve| curve.still_grows) {
        lines.push(format!(
            "note: {agent}, messages {}: memory still grew in the last of {} passes, so that no \
             limit is enough for ever; `--passes` sends more",
            series(curve),
            tuned.passes
        ));
    }
    lines
}

/// The line of a sandbox config.
fn line(bytes: u64) -> String {
    format!("memory-limit = \"{}\"", limit(bytes))
}

fn paste(part: &Part, tuned: &Tuned, style: Style) -> String {
    let line = line(tuned.recommended);
    let why = format!(
        "# {}: {} % over the {} that its workload needs, in whole pages",
        part.agent,
        tuned.headroom,
        limit(tuned.smallest)
    );
    match style {
        Style::Markdown => format!("```toml\n{why}\n{line}\n```\n"),
        Style::Html => format!("<pre>{why}\n{line}</pre>\n"),
        Style::Colour | Style::Plain => format!("{why}\n{line}\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sandlab_runtime::SandboxConfig;

    #[test]
    fn the_line_to_paste_is_one_of_a_profile() {
        for pages in [1, 17, 22, 125, 1_525, 16_384, 65_536] {
            let bytes = pages * PAGE;
            let sandbox: SandboxConfig = toml::from_str(&line(bytes)).unwrap();
            assert_eq!(sandbox.memory_limit.as_u64(), bytes);
        }
    }

    #[test]
    fn a_long_curve_shows_its_ends() {
        let changes: Vec<_> = (0..100).map(|n| (n, n)).collect();
        let shown = shown(&changes);
        assert_eq!(shown.len(), ROWS);
        assert_eq!((shown[0], shown[ROWS - 1]), ((0, 0), (99, 99)));
    }
}
