//! Makes a table as narrow as a terminal: values that all rows share move to its title, and details
//! are left out.

use super::look::Look;
use super::table::{draw, draw_within};
use crate::printable::printable;
use crate::view::{Cell, Emphasis, Head, Table, Value};
use console::measure_text_width;

/// A table that fits.
struct Fitted {
    table: Table,
    /// The labels that all rows share: `agent echo`.
    common: Vec<String>,
}

/// Draws a table with its title, no wider than the look allows; also returns the number of columns
/// that had to be left out.
pub(super) fn drawn(table: &Table, look: &Look) -> (String, usize) {
    let sorted = |table: Table| if look.by_cost { table.by_cost() } else { table };
    let wide = sorted(table.pivoted());
    if look.is_wide {
        return (titled(&wide, &[], look) + &draw(&wide, look.style()), 0);
    }
    let usual = sorted(table.without(|column, _| column.is_aside).pivoted()).folded();
    let asides = table.columns.iter().filter(|column| column.is_aside).count();
    let mut fitted = Fitted { table: usual, common: Vec::new() };
    let columns = 0..fitted.table.columns.len();
    if columns.into_iter().all(|index| !has(&fitted.table, index, &[Emphasis::Strong])) {
        return (fitted.stacked(look), asides);
    }
    let left_out = asides + fitted.fit(look.width);
    let text = titled(&fitted.table, &fitted.common, look)
        + &draw_within(&fitted.table, look.style(), look.width);
    (text, left_out)
}

fn titled(table: &Table, common: &[String], look: &Look) -> String {
    let mut title = table.title.clone();
    if !common.is_empty() {
        title += &format!(" ({})", common.join(", "));
    }
    let lines = super::page::wrapped(&printable(&title), look.width, "  ");
    match look.has_colours {
        true => console::Style::new().bold().force_styling(true).apply_to(lines).to_string() + "\n",
        false => lines + "\n",
    }
}

impl Fitted {
    /// Draws a table whose columns are equally important: columns that do not fit follow below,
    /// each with the rows' names.
    fn stacked(mut self, look: &Look) -> String {
        if width_of(&self.table, look.width) > look.width && self.table.rows.len() > 1 {
            self.lift();
        }
        let names = self.table.columns.iter().take_while(|head| head.form.is_none()).count();
        let all = self.table.columns.len();
        let (mut from, mut blocks) = (names, Vec::new());
        loop {
            let is_in = |index: usize, to: usize| index < names || (from..to).contains(&index);
            let upto = |to: usize| keeping(&self.table, |index| is_in(index, to));
            let fits = |to: &usize| width_of(&upto(*to), look.width) <= look.width;
            let to = (from + 1..=all).rev().find(fits).unwrap_or(from + 1).min(all);
            blocks.push(draw_within(&upto(to), look.style(), look.width));
            from = to;
            if from >= all {
                break;
            }
        }
        titled(&self.table, &self.common, look) + &blocks.join("\n")
    }

    /// Leaves out columns until the table fits, the least important first, and returns their
    /// number.
    fn fit(&mut self, width: usize) -> usize {
        let before = self.table.columns.len();
        if width_of(&self.table, width) > width && self.table.rows.len() > 1 {
            self.lift();
        }
        if width_of(&self.table, width) > width {
            self.table = self.table.without(|head, cells| {
                head.form.is_some() && cells.iter().all(|cell| is_missing(cell))
            });
        }
        let lifted = before - self.table.columns.len();
        for is_candidate in [is_dim, is_plain_number, is_plain_text] {
            while width_of(&self.table, width) > width {
                let columns = 1..self.table.columns.len();
                let Some(index) = columns.rev().find(|index| is_candidate(&self.table, *index))
                else {
                    break;
                };
                remove(&mut self.table, index);
            }
        }
        for index in (0..self.table.columns.len()).rev() {
            if width_of(&self.table, width) > width {
                unfold(&mut self.table, index);
            }
        }
        before - lifted - self.table.columns.len()
    }

    /// Moves values that all rows share to the title.
    fn lift(&mut self) {
        let mut index = 0;
        while index < self.table.columns.len() && self.table.columns.len() > 1 {
            let mut cells = self.table.rows.iter().map(|row| &row[index]);
            let first = cells.next().cloned();
            let is_common = first.as_ref().is_some_and(|first| {
                first.emphasis == Emphasis::Plain && cells.all(|cell| cell == first)
            });
            match first.filter(|_| is_common) {
                Some(first) => {
                    let head = remove(&mut self.table, index);
                    let value = first.value.show();
                    if !is_missing(&first) && !value.is_empty() {
                        self.common.push(format!("{} {value}", head.title));
                    }
                }
                None => index += 1,
            }
        }
    }
}

fn keeping(table: &Table, is_kept: impl Fn(usize) -> bool) -> Table {
    let mut kept = table.clone();
    for index in (0..table.columns.len()).rev() {
        if !is_kept(index) {
            remove(&mut kept, index);
        }
    }
    kept
}

fn remove(table: &mut Table, index: usize) -> Head {
    for row in &mut table.rows {
        row.remove(index);
    }
    table.columns.remove(index)
}

/// Takes an interval out of its value's cell again.
fn unfold(table: &mut Table, index: usize) {
    for row in &mut table.rows {
        if let Value::Estimate(number, _, form) = row[index].value {
            row[index].value = Value::Number(number, form);
        }
    }
}

/// Returns the width of a table, with the space on both sides of each column. Words that would take
/// most of a line are broken rather than that numbers are left out.
fn width_of(table: &Table, line: usize) -> usize {
    let widths = table.columns.iter().enumerate().map(|(index, head)| {
        let cells =
            table.rows.iter().map(|row| measure_text_width(&printable(&row[index].value.show())));
        let widest = cells.max().unwrap_or(0);
        let most = if head.form.is_none() { line * 2 / 5 } else { usize::MAX };
        widest.min(most).max(measure_text_width(&head.title)) + 2
    });
    // Nothing is written after the last column.
    widths.sum::<usize>().saturating_sub(1)
}

fn is_missing(cell: &Cell) -> bool {
    matches!(&cell.value, Value::Missing(reason) if reason.is_empty())
}

fn has(table: &Table, index: usize, emphasis: &[Emphasis]) -> bool {
    table.rows.iter().any(|row| emphasis.contains(&row[index].emphasis))
}

fn is_dim(table: &Table, index: usize) -> bool {
    has(table, index, &[Emphasis::Dim])
}

/// Returns true if no value of the column is marked strong, good or bad; marked columns stay.
fn is_plain(table: &Table, index: usize) -> bool {
    !has(table, index, &[Emphasis::Strong, Emphasis::Good, Emphasis::Bad])
}

fn is_plain_number(table: &Table, index: usize) -> bool {
    table.columns[index].form.is_some() && is_plain(table, index)
}

fn is_plain_text(table: &Table, index: usize) -> bool {
    table.columns[index].form.is_none() && is_plain(table, index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Topic;
    use crate::stats::Estimate;
    use crate::view::Form;

    fn table() -> Table {
        let rows = [("first of all", 1.0), ("second of all", 2.0)];
        Table::of("times", "Times", Topic::Overhead, &rows)
            .text("agent", "agent", |_| "echo")
            .text("name", "name", |row| row.0)
            .number("time", "time/msg", Form::Time, |row| Some(row.1 * 1_111.0))
            .strong()
            .interval("time", Form::Time, |row| Some(Estimate::exact(row.1 * 1_111.0)))
            .number("rounds", "rounds", Form::Integer, |row| Some(row.1))
            .number("seed", "seed", Form::Integer, |row| Some(row.1))
            .aside()
            .done()
    }

    #[test]
    fn a_table_is_never_wider_than_it_may_be_and_keeps_what_it_is_there_for() {
        for width in 40..=WIDE {
            let look = Look { width, ..Look::default() };
            let (text, left_out) = drawn(&table(), &look);
            let widest = text.lines().map(measure_text_width).max().unwrap();
            assert!(widest <= width, "{width}: {text}");
            assert!(text.contains("1.11 µs"), "{width}: {text}");
            assert_eq!(text.contains("rounds"), left_out == 1, "{width}: {text}");
        }
        let look = Look { is_wide: true, ..Look::default() };
        let (wide, left_out) = drawn(&table(), &look);
        assert!(wide.contains("seed") && wide.contains("95 % interval") && left_out == 0, "{wide}");
    }

    #[test]
    fn colours_make_no_line_wider() {
        let look = Look { width: 60, has_colours: true, ..Look::default() };
        for line in drawn(&table(), &look).0.lines() {
            let seen = console::strip_ansi_codes(line);
            assert_eq!(seen.trim_end(), seen, "{line:?}");
            assert!(measure_text_width(&seen) <= 60, "{line:?}");
        }
    }

    const WIDE: usize = 80;

    #[test]
    fn where_no_column_matters_most_what_does_not_fit_stands_below() {
        let rows = [("cold", 1.0), ("hot", 2.0)];
        let columns =
            Table::of("phases", "Phases", Topic::Spawn, &rows)
                .text("method", "method", |row| row.0);
        let phases = ["compile", "deserialise", "link", "store"].into_iter();
        let table = phases.fold(columns, |columns, phase| {
            columns.number(phase, phase, Form::Time, |row| Some(row.1))
        });
        let look = Look { width: 40, ..Look::default() };
        let (text, left_out) = drawn(&table.done(), &look);
        assert!(text.lines().all(|line| line.chars().count() <= 40), "{text}");
        assert_eq!((text.matches("hot").count(), text.matches("store").count()), (2, 1), "{text}");
        assert_eq!(left_out, 0);
    }

    #[test]
    fn what_all_rows_have_in_common_is_said_once() {
        let (text, _) = drawn(&table(), &Look { width: 44, ..Look::default() });
        assert!(text.starts_with("Times (agent echo)\n"), "{text}");
        let (text, _) = drawn(&table(), &Look::default());
        assert!(text.starts_with("Times\n agent  name"), "{text}");
    }
}
