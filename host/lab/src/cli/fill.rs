//! `sandlab fill`: the process in which a plan's agents live. For `sandlab plan` alone: it
//! is told what to do on standard input, and says what it finds on standard output.

use super::print;
use crate::experiments::plan::{Fill, fill};
use crate::{Error, Result};

pub fn execute() -> Result<()> {
    let told: Fill = serde_json::from_reader(std::io::stdin().lock())
        .map_err(|error| Error::Usage(format!("`fill` is for `sandlab plan` alone: {error}")))?;
    fill(&told, &mut |filled| {
        let line = serde_json::to_string(&filled)
            .map_err(|error| Error::Machine(format!("cannot encode a line: {error}")))?;
        print(&(line + "\n"))
    })
}
