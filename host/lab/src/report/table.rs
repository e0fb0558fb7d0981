//! A table, aligned for a terminal, piped for a page, or in HTML.

use comfy_table::{Attribute, CellAlignment, presets};

/// Rows under a header.
pub struct Table {
    cells: comfy_table::Table,
    aligned: Vec<Align>,
}

/// To which side a column leans: numbers lean right, so that their units stand in a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    /// A browser.
    Html,
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
        let mut cells = comfy_table::Table::new();
        cells.set_header(columns.map(|(name, _)| Cell::strong(name).0));
        for (column, (_, align)) in cells.column_iter_mut().zip(columns) {
            column.set_cell_alignment(match align {
                Align::Left => CellAlignment::Left,
                Align::Right => CellAlignment::Right,
            });
        }
        let aligned = columns.map(|(_, align)| align).to_vec();
        Self { cells, aligned }
    }

    pub fn add<const N: usize>(&mut self, cells: [Cell; N]) {
        self.cells.add_row(cells.map(|cell| cell.0));
    }

    pub fn draw(mut self, style: Style) -> String {
        match style {
            Style::Colour => self.cells.load_style(presets::NOTHING).enforce_styling(),
            Style::Plain => self.cells.load_style(presets::NOTHING).force_no_tty(),
            Style::Markdown => self
                .cells
                .load_style(presets::ASCII_MARKDOWN)
                .force_no_tty(),
            Style::Html => return self.html(),
        };
        // The padding after the last column would be trailing space.
        let lines = self
            .cells
            .lines()
            .map(|line| line.trim_end().to_owned() + "\n");
        lines.collect()
    }

    fn html(&self) -> String {
        let row = |row: &comfy_table::Row, tag: &str| -> String {
            let cells = row.cell_iter().zip(&self.aligned);
            let cells = cells.map(|(cell, align)| {
                let class = if *align == Align::Right {
                    " class=n"
                } else {
                    ""
                };
                format!("<{tag}{class}>{}</{tag}>", escaped(&cell.content()))
            });
            format!("<tr>{}</tr>\n", cells.collect::<String>())
        };
        let head = self.cells.header().map(|header| row(header, "th"));
        let body: String = self
            .cells
            .row_iter()
            .map(|cells| row(cells, "td"))
            .collect();
        format!(
            "<div class=table><table>\n<thead>{}</thead>\n<tbody>\n{body}</tbody>\n</table></div>\n",
            head.unwrap_or_default().trim_end()
        )
    }
}

/// Text, as HTML has it.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
