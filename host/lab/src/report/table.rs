//! A table, aligned for a terminal or piped for a page.

use comfy_table::{Attribute, CellAlignment, presets};

/// Rows under a header.
pub struct Table(comfy_table::Table);

/// To which side a column leans: numbers lean right, so that their units stand in a line.
#[derive(Debug, Clone, Copy)]
pub enum Align {
    Left,
    Right,
}

/// One cell, and how much it should be seen.
pub struct Cell(comfy_table::Cell);

/// For whom a table is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// A terminal that shows colours.
    Colour,
    /// A terminal or file that does not.
    Plain,
    /// A page.
    Markdown,
}

impl Cell {
    pub fn plain(text: impl ToString) -> Self {
        Self(comfy_table::Cell::new(text))
    }

    pub fn strong(text: impl ToString) -> Self {
        Self(comfy_table::Cell::new(text).add_attribute(Attribute::Bold))
    }

    pub fn dim(text: impl ToString) -> Self {
        Self(comfy_table::Cell::new(text).add_attribute(Attribute::Dim))
    }
}

impl Table {
    pub fn new<const N: usize>(columns: [(&str, Align); N]) -> Self {
        let mut table = comfy_table::Table::new();
        table.set_header(columns.map(|(name, _)| Cell::strong(name).0));
        for (column, (_, align)) in table.column_iter_mut().zip(columns) {
            column.set_cell_alignment(match align {
                Align::Left => CellAlignment::Left,
                Align::Right => CellAlignment::Right,
            });
        }
        Self(table)
    }

    pub fn add<const N: usize>(&mut self, cells: [Cell; N]) {
        self.0.add_row(cells.map(|cell| cell.0));
    }

    pub fn draw(mut self, style: Style) -> String {
        match style {
            Style::Colour => self.0.load_style(presets::NOTHING).enforce_styling(),
            Style::Plain => self.0.load_style(presets::NOTHING).force_no_tty(),
            Style::Markdown => self.0.load_style(presets::ASCII_MARKDOWN).force_no_tty(),
        };
        // The padding after the last column would be trailing space.
        let lines = self.0.lines().map(|line| line.trim_end().to_owned() + "\n");
        lines.collect()
    }
}
