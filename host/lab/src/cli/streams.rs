//! Standard output and standard error. A reader that has gone away, as `head` does, changes
//! neither what is done nor the exit code.

use crate::printable::printable;
use crate::{Error, Result, record};
use std::io::{ErrorKind, Write};
use std::path::Path;

/// Prints a line to standard error: a step of the work, a remark, an error. It can name files, and
/// quote programs, so that what a terminal or a CI log would act on is spelled out.
pub fn say(line: &str) {
    // One write, so that lines of several processes do not mix. Where it cannot be written,
    // there is nobody left to tell.
    let _ = std::io::stderr().write_all(format!("{}\n", harmless(line)).as_bytes());
}

/// Spells out control characters line by line, and `::` at the start of a line, which is an order
/// to GitHub's runner.
fn harmless(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let line = printable(line);
        match line.trim_start().strip_prefix("::") {
            Some(rest) => format!(":\\:{rest}"),
            None => line,
        }
    });
    lines.collect::<Vec<_>>().join("\n")
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

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn what_is_said_gives_no_orders() {
        let said = harmless("cannot open \u{1b}[2J\u{7}\u{202e}##[error]x:\n  ::error::forged");
        assert_eq!(said, "cannot open \\u{1b}[2J\\u{7}\\u{202e}##\\[error]x:\n:\\:error::forged");
    }
}
