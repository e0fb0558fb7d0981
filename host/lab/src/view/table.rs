//! A table as data: its columns are defined once, for a person, a page, a spreadsheet and a
//! program.

use super::value::{Cell, Emphasis, Form, Value};
use crate::metrics::Topic;
use crate::stats::{Distribution, Estimate};

/// Rows under columns.
#[derive(Debug, Clone)]
pub struct Table {
    /// The name in files, in kebab case; unique within a report.
    pub key: &'static str,
    /// The caption that a person reads.
    pub title: String,
    /// The section of a report that shows it.
    pub topic: Topic,
    /// The columns, in order.
    pub columns: Vec<Head>,
    /// The rows, each with a cell per column.
    pub rows: Vec<Vec<Cell>>,
    /// The column whose values a person sees side by side, and the columns that each of them has,
    /// by their keys; `None` if the table is as narrow as it gets.
    pub pivot: Option<(&'static str, &'static [&'static str])>,
}

/// The properties of a column.
#[derive(Debug, Clone, PartialEq)]
pub struct Head {
    /// The name in files, in snake case, without its unit; for an interval, the name of its figure.
    pub key: String,
    /// The title that a person reads.
    pub title: String,
    /// The form of its numbers; `None` of words.
    pub form: Option<Form>,
    /// Whether its values are intervals.
    pub is_range: bool,
    /// Whether only detailed reports show it.
    pub is_aside: bool,
    /// Whether it is a cost, by which rows can be sorted, the largest first.
    pub is_cost: bool,
}

/// The alignment of a column's values: numbers to the right, so that their units line up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// To the left, as words.
    Left,
    /// To the right, as numbers.
    Right,
}

impl Head {
    /// Returns to which side the values lean.
    pub fn align(&self) -> Align {
        match self.form {
            Some(_) => Align::Right,
            None => Align::Left,
        }
    }
}

/// A builder of a table with rows of `R`, column by column.
pub struct Rows<'r, R> {
    rows: &'r [R],
    table: Table,
}

impl Table {
    /// Begins a table with a row for each of these.
    pub fn of<'r, R>(
        key: &'static str,
        title: impl Into<String>,
        topic: Topic,
        rows: &'r [R],
    ) -> Rows<'r, R> {
        Rows {
            table: Self {
                key,
                title: title.into(),
                topic,
                columns: Vec::new(),
                rows: rows.iter().map(|_| Vec::new()).collect(),
                pivot: None,
            },
            rows,
        }
    }
}

impl<R> Rows<'_, R> {
    /// Adds a column of words.
    #[must_use]
    pub fn text<T: ToString>(
        self,
        key: impl Into<String>,
        title: impl Into<String>,
        text: impl Fn(&R) -> T,
    ) -> Self {
        self.cells(key, title, None, |row| Cell::text(text(row)))
    }

    /// Adds a column of numbers, with a dash where there is none.
    #[must_use]
    pub fn number(
        self,
        key: impl Into<String>,
        title: impl Into<String>,
        form: Form,
        number: impl Fn(&R) -> Option<f64>,
    ) -> Self {
        self.cells(key, title, Some(form), |row| Value::number(number(row), form).into())
    }

    /// Adds a column of a percentile of times: a dash where there are none, and "too few" where they
    /// are too few for it.
    #[must_use]
    pub fn percentile(
        self,
        key: impl Into<String>,
        title: impl Into<String>,
        share: f64,
        times: impl Fn(&R) -> Option<&Distribution>,
    ) -> Self {
        self.cells(key, title, Some(Form::Time), |row| {
            let value = times(row).map(|times| Value::percentile(times, share));
            value.unwrap_or_else(Value::missing).into()
        })
    }

    /// Adds a column of 95 % intervals, dimmed; its key is that of the column that it is the
    /// interval of.
    #[must_use]
    pub fn interval(
        self,
        key: impl Into<String>,
        form: Form,
        estimate: impl Fn(&R) -> Option<Estimate>,
    ) -> Self {
        let this = self.cells(key, "95 % interval", Some(form), |row| {
            Cell::from(Value::range(estimate(row), form)).seen(Emphasis::Dim)
        });
        this.head(|head| head.is_range = true)
    }

    /// Adds a column whose cells are made as they need it.
    #[must_use]
    pub fn cells(
        mut self,
        key: impl Into<String>,
        title: impl Into<String>,
        form: Option<Form>,
        cell: impl Fn(&R) -> Cell,
    ) -> Self {
        self.table.columns.push(Head {
            key: key.into(),
            title: title.into(),
            form,
            is_range: false,
            is_aside: false,
            is_cost: false,
        });
        for (cells, row) in self.table.rows.iter_mut().zip(self.rows) {
            cells.push(cell(row));
        }
        self
    }

    /// Marks the cells of the last column as strong: they are the main figures of the table.
    #[must_use]
    pub fn strong(self) -> Self {
        self.seen(Emphasis::Strong)
    }

    /// Sets the emphasis of the cells of the last column, except for those that have one.
    #[must_use]
    pub fn seen(mut self, emphasis: Emphasis) -> Self {
        let last = self.table.rows.iter_mut().filter_map(|cells| cells.last_mut());
        last.filter(|cell| cell.emphasis == Emphasis::Plain)
            .for_each(|cell| cell.emphasis = emphasis);
        self
    }

    /// Leaves the last column to the exact reader.
    #[must_use]
    pub fn aside(self) -> Self {
        self.head(|head| head.is_aside = true)
    }

    /// Marks the last column as a cost, by which rows can be sorted, the largest first.
    #[must_use]
    pub fn cost(self) -> Self {
        self.head(|head| head.is_cost = true)
    }

    /// Shows the values of one column side by side, each with the values of these columns.
    #[must_use]
    pub fn pivot(mut self, by: &'static str, values: &'static [&'static str]) -> Self {
        self.table.pivot = Some((by, values));
        self
    }

    fn head(mut self, change: impl FnOnce(&mut Head)) -> Self {
        self.table.columns.last_mut().map(change);
        self
    }

    /// Returns the table.
    pub fn done(self) -> Table {
        self.table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_says_all_of_itself() {
        let rows = [("echo", Some(5.0)), ("hash", None)];
        let table = Table::of("times", "Times", Topic::Overhead, &rows)
            .text("agent", "agent", |row| row.0)
            .number("time", "time/msg", Form::Time, |row| row.1)
            .strong()
            .interval("time", Form::Time, |row| row.1.map(Estimate::exact))
            .done();
        let shown: Vec<Vec<_>> = table
            .rows
            .iter()
            .map(|row| row.iter().map(|cell| cell.value.show()).collect())
            .collect();
        assert_eq!(shown, [["echo", "5 ns", "5 ns – 5 ns"], ["hash", "-", "-"]]);
        assert_eq!(table.rows[0][1].emphasis, Emphasis::Strong);
        assert_eq!(table.columns[0].align(), Align::Left);
        assert_eq!(table.columns[1].align(), Align::Right);
    }
}
