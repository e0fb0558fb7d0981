//! The last lines of a guest's output, fit to be shown in a terminal or a report.

/// Lines that are kept of a guest's output.
const LINES: usize = 20;

/// Characters that are kept of a line.
const WIDTH: usize = 200;

/// Bytes that are kept of all lines, so that a fault's text fits in a report's line.
const BYTES: usize = 2_000;

/// Characters that are kept of a panic's message.
const MESSAGE: usize = 2_000;

/// The openings of language runtimes' reports of a crash. Go's cause stands there, before all
/// goroutines' stacks, so that the line is kept even if it is not among the last ones.
const OPENINGS: [&str; 4] = ["panic: ", "fatal error: ", "Traceback (", "thread '"];

/// The advice with which Rust ends a panic, which is no part of the panic's message.
const ADVICE: &str = "note: run with `RUST_BACKTRACE=";

/// Returns the last lines that are not empty, escaped.
pub fn last_lines(output: &str) -> Vec<String> {
    let lines = output.lines().map(str::trim_end);
    let is_told = |line: &&str| !line.is_empty() && !line.starts_with(ADVICE);
    let lines: Vec<_> = lines.filter(is_told).collect();
    let mut room = BYTES;
    let last = lines.iter().rev().take(LINES);
    let last = last.map_while(|line| {
        let line = escaped(line, WIDTH);
        room = room.checked_sub(line.len())?;
        Some(line)
    });
    let mut kept: Vec<_> = last.collect();
    let is_opening = |line: &str| OPENINGS.iter().any(|opening| line.starts_with(opening));
    let opening = lines.iter().rposition(|line| is_opening(line));
    if let Some(opening) = opening
        && opening < lines.len() - kept.len()
    {
        kept.extend(["…".to_owned(), escaped(lines[opening], WIDTH)]);
    }
    kept.reverse();
    kept
}

/// The beginning of the message that Rust's standard library writes before it aborts because an
/// allocation failed.
const ALLOCATION_FAILED: &str = "memory allocation of ";

/// Returns the message of the Rust panic that ended the output. `None` if none did. A panic writes
/// `thread … panicked at FILE:LINE:COLUMN:`, and then its message.
pub fn panic_message(output: &str) -> Option<String> {
    let (_, after) = output.rsplit_once("panicked at ")?;
    let (_, message) = after.split_once('\n')?;
    if message.contains(ALLOCATION_FAILED) {
        return None;
    }
    let end = message.find("\nnote: ").unwrap_or(message.len());
    let lines = message[..end].trim_end().lines();
    let lines: Vec<_> = lines.map(|line| escaped(line, MESSAGE)).collect();
    Some(cut(&lines.join("\n"), MESSAGE))
}

/// Escapes and shortens a name that a guest gives.
pub fn readable(name: &str) -> String {
    escaped(name, WIDTH)
}

/// Escapes characters that would control a terminal or reorder a text.
fn escaped(line: &str, limit: usize) -> String {
    let mut text = String::new();
    for character in line.chars() {
        if character.is_control() || is_invisible(character) {
            text.extend(character.escape_default());
        } else {
            text.push(character);
        }
    }
    cut(&text, limit)
}

fn cut(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Returns whether a character is a mark of direction or of no width, which changes how a line
/// looks without being seen.
fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_panics_message() {
        let output = "\nthread '<unnamed>' (1) panicked at src/lib.rs:9:5:\nno such\nthing\nnote: run with `RUST_BACKTRACE=1`\n";
        assert_eq!(panic_message(output).unwrap(), "no such\nthing");
        assert_eq!(panic_message("hello"), None);
    }

    #[test]
    fn the_last_lines_are_kept_and_can_do_no_harm() {
        let mut output: String = (0..100).map(|line| format!("line {line}\n\n")).collect();
        output += "\u{1b}[31mred\u{7}\u{202e}\r\n";
        output += &"x".repeat(1_000);
        let lines = last_lines(&output);
        assert_eq!(lines.len(), LINES);
        assert_eq!(lines[0], "line 82");
        assert_eq!(lines[18], "\\u{1b}[31mred\\u{7}\\u{202e}");
        assert_eq!(lines[19].chars().count(), WIDTH + 1);
        assert!(last_lines("\n\n").is_empty());
    }

    #[test]
    fn a_cause_that_stands_before_a_long_trace_is_kept() {
        let mut output = "before\npanic: index out of range\n\ngoroutine 1 [running]:\n".to_owned();
        output
            .extend((0..50).map(|frame| format!("main.f{frame}(...)\n\t/src/agent.go:{frame}\n")));
        let lines = last_lines(&output);
        assert_eq!(lines[..2], ["panic: index out of range", "…"]);
        assert_eq!(lines[LINES + 1], "\\t/src/agent.go:49");
    }
}
