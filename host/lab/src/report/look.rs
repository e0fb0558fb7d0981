//! The look of a report on a terminal: its detail, width and colours.

use super::table::Style;

/// The look of a report on a terminal or in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Whether good, bad and invalid values are coloured.
    pub has_colours: bool,
    /// The width of a line, terminal columns.
    pub width: usize,
    /// The amount of detail.
    pub detail: Detail,
    /// Whether every column of a table is shown, even beyond the width.
    pub is_wide: bool,
    /// Whether rows are sorted by cost, the largest first.
    pub by_cost: bool,
}

/// The amount of detail in a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// The answers.
    Quiet,
    /// Tables, as far as they fit on a few screens, the conclusions from them, and the answers.
    Usual,
    /// All that is known, each note by itself.
    Verbose,
}

/// The width of a terminal that does not report its own, and of files.
pub const WIDTH: usize = 100;

/// The smallest width for which tables are laid out.
const NARROWEST: usize = 40;

impl Default for Look {
    /// Returns the look of a report that is not written to a terminal.
    fn default() -> Self {
        Self {
            has_colours: false,
            width: WIDTH,
            detail: Detail::Usual,
            is_wide: false,
            by_cost: false,
        }
    }
}

impl Look {
    /// Returns the look on a terminal of this many columns, or on none.
    #[must_use]
    pub fn on(self, columns: Option<u16>) -> Self {
        let width = columns.map_or(WIDTH, |columns| usize::from(columns).clamp(NARROWEST, WIDTH));
        Self { width, ..self }
    }

    /// Returns how tables are drawn.
    pub(super) fn style(&self) -> Style {
        match self.has_colours {
            true => Style::Colour,
            false => Style::Plain,
        }
    }
}
