//! Draws a table: aligned for a terminal, piped for a page, or in HTML.

use crate::metrics::format::exactly;
use crate::printable::printable;
use crate::view::{Align, Cell, Emphasis, Table};
use comfy_table::{Attribute, CellAlignment, Color, ContentArrangement, presets};

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

/// Draws a table.
pub fn draw(table: &Table, style: Style) -> String {
    match style {
        Style::Html => html(table),
        _ => lines(table, style, None),
    }
}

/// Draws a table for a terminal of this many columns; words that are too long are broken.
pub fn draw_within(table: &Table, style: Style, width: usize) -> String {
    // The space after the last column is not written.
    lines(table, style, u16::try_from(width + 1).ok())
}

fn lines(table: &Table, style: Style, width: Option<u16>) -> String {
    let mut cells = comfy_table::Table::new();
    if let Some(width) = width {
        cells.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    }
    let titles = table.columns.iter().map(|column| {
        comfy_table::Cell::new(written(&column.title, style)).add_attribute(Attribute::Bold)
    });
    cells.set_header(titles);
    for (column, head) in cells.column_iter_mut().zip(&table.columns) {
        column.set_cell_alignment(match head.align() {
            Align::Left => CellAlignment::Left,
            Align::Right => CellAlignment::Right,
        });
    }
    for row in &table.rows {
        cells.add_row(row.iter().map(|cell| drawn(cell, style)));
    }
    match style {
        Style::Colour => cells.load_style(presets::NOTHING).enforce_styling(),
        Style::Markdown => cells.load_style(presets::ASCII_MARKDOWN).force_no_tty(),
        Style::Plain | Style::Html => cells.load_style(presets::NOTHING).force_no_tty(),
    };
    cells.lines().map(|line| trimmed(&line) + "\n").collect()
}

/// Returns a line without the padding after its last column, which a terminal would break it for; also
/// within the last column's style.
fn trimmed(line: &str) -> String {
    let (mut text, mut codes) = (line.trim_end(), String::new());
    while let Some(at) = text.rfind('\u{1b}').filter(|at| is_code(&text[*at..])) {
        codes.insert_str(0, &text[at..]);
        text = text[..at].trim_end();
    }
    text.to_owned() + &codes
}

/// Returns whether this is one code of a terminal's style, and nothing else.
fn is_code(text: &str) -> bool {
    text.find('m') == Some(text.len() - 1)
}

/// Returns a text that can be printed; on a page, without what would end its cell.
fn written(text: &str, style: Style) -> String {
    let text = printable(text);
    if style == Style::Markdown { text.replace('|', "\\|") } else { text }
}

fn drawn(cell: &Cell, style: Style) -> comfy_table::Cell {
    let drawn = comfy_table::Cell::new(written(&cell.value.show(), style));
    match cell.emphasis {
        Emphasis::Plain => drawn,
        Emphasis::Strong => drawn.add_attribute(Attribute::Bold),
        Emphasis::Dim => drawn.add_attribute(Attribute::Dim),
        Emphasis::Good => drawn.fg(Color::Green),
        Emphasis::Bad => drawn.fg(Color::Red).add_attribute(Attribute::Bold),
    }
}

/// Texts of more characters are sentences.
const LONG: usize = 40;

fn html(table: &Table) -> String {
    let class = |is_number: bool, is_long: bool, emphasis: Emphasis| {
        let names = [
            is_number.then_some("n"),
            is_long.then_some("long"),
            match emphasis {
                Emphasis::Good => Some("good"),
                Emphasis::Bad => Some("bad"),
                _ => None,
            },
        ];
        let names: Vec<_> = names.into_iter().flatten().collect();
        match names.as_slice() {
            [] => String::new(),
            [one] => format!(" class={one}"),
            several => format!(" class=\"{}\"", several.join(" ")),
        }
    };
    let is_number = |index: usize| table.columns[index].align() == Align::Right;
    let titles = table.columns.iter().enumerate().map(|(index, column)| {
        let class = class(is_number(index), false, Emphasis::Plain);
        format!("<th{class}>{}</th>", escaped(&printable(&column.title)))
    });
    let rows = table.rows.iter().map(|row| {
        let cells = row.iter().enumerate().map(|(index, cell)| {
            let number = cell.value.as_number();
            let number = number.map(|number| format!(" data-v=\"{}\"", exactly(number)));
            let number = number.unwrap_or_default();
            let text = printable(&cell.value.show());
            // A sentence is broken rather than that columns after it are out of sight.
            let is_long = !is_number(index) && text.chars().count() > LONG;
            let class = class(is_number(index), is_long, cell.emphasis);
            format!("<td{class}{number}>{}</td>", escaped(&text))
        });
        format!("<tr>{}</tr>\n", cells.collect::<String>())
    });
    format!(
        "<div class=table><table>\n<caption>{}</caption>\n<thead><tr>{}</tr></thead>\n<tbody>\n{}\
         </tbody>\n</table></div>\n",
        escaped(&printable(&table.title)),
        titles.collect::<String>(),
        rows.collect::<String>()
    )
}

/// Returns text, as HTML has it.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
