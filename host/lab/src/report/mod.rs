//! A run, for whoever reads it: a person, a page, a spreadsheet, a program.

mod annotation;
mod comparison;
mod footprint;
pub mod gate;
mod grades;
mod html;
mod ladder;
mod load;
mod memory_limits;
mod page;
mod plan;
pub mod results;
pub mod runs;
mod sampled;
mod spawn;
mod table;
mod torture;
pub mod validate;
pub mod whole;

use clap::ValueEnum;

pub use comparison::{Comparison, Mean, Row};
pub use ladder::{Ladder, Rung};
pub use torture::text as torture;

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Aligned tables for a terminal.
    Text,
    /// Everything that the tables show, every sample of a case, and the environment.
    Json,
    /// Tables for a page.
    Markdown,
    /// The tables for a spreadsheet, each with its header, and a blank line between two.
    Csv,
}
