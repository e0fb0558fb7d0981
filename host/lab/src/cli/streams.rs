//! Standard output and standard error. A reader that has gone away, as `head` does, changes
//! neither what is done nor the exit code.

use crate::printable::printable_lines;
use crate::report::{Look, wrapped};
use crate::{Error, Result, record};
use console::Term;
use std::io::{ErrorKind, Write};
use std::path::Path;

/// Prints lines to standard error: a step of the work, a remark, an error. They can name files, and
/// quote programs, so that what a terminal or a CI log would act on is spelled out. On a terminal they
/// are broken between words; elsewhere a line stays whole, so that a search of a log finds what it says.
pub fn say(lines: &str) {
    let terminal = Term::stderr();
    let columns = columns(&terminal);
    let lines = printable_lines(lines);
    let text = match columns.is_some() || terminal.is_term() {
        true => {
            let width = Look::default().on(columns).width;
            lines.lines().map(|line| wrapped(line, width, "  ") + "\n").collect()
        }
        false => format!("{lines}\n"),
    };
    // One write, so that lines of several processes do not mix. Where it cannot be written,
    // there is nobody left to tell.
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// Returns the width of a terminal: as `COLUMNS` has it, as shells and other programs do also where
/// the output is no terminal, or its own. `None` if neither is known.
pub fn columns(terminal: &Term) -> Option<u16> {
    let told: Option<u16> = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let told = told.filter(|columns| *columns > 0);
    let own = || terminal.size_checked().filter(|_| terminal.is_term());
    told.or_else(|| own().map(|(_, columns)| columns))
}

/// Returns the width of lines on standard output: the terminal's, at most 100 columns.
pub fn width() -> usize {
    Look::default().on(columns(&Term::stdout())).width
}

/// Prints to standard output.
///
/// # Errors
/// If it cannot be written for another reason than a reader that has gone away.
pub fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Error::Machine(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Returns the file that `--output` means: `None` for standard output, which `-` means too.
pub fn file(output: Option<&Path>) -> Option<&Path> {
    output.filter(|output| *output != Path::new("-"))
}

/// Writes to the file of `--output`, all of it or nothing, or to standard output.
///
/// # Errors
/// If it cannot be written.
pub fn deliver(output: Option<&Path>, text: &str) -> Result<()> {
    match file(output) {
        Some(file) => record::write_whole(file, text.as_bytes()),
        None => print(text),
    }
}
