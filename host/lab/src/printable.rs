//! Text of a guest, made safe for terminals, logs and pages.

/// Bytes after which a text is cut.
const LONGEST: usize = 4_096;

/// Returns the text as one line without anything that a terminal, a CI log or a page would act
/// on: control characters, line ends and marks of writing direction are spelled out (`\u{1b}`),
/// and `##[`, which starts a command in a CI log, is broken up. GitHub's `::` starts a command
/// only at the beginning of a line: see [`printable_lines`].
pub fn printable(text: &str) -> String {
    let mut line = String::with_capacity(text.len().min(LONGEST));
    for c in text.chars() {
        if line.len() >= LONGEST {
            line.push('…');
            break;
        }
        match c {
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\t' => line.push(' '),
            '[' if line.ends_with("##") => line.push_str("\\["),
            c if is_control(c) => line.extend(c.escape_unicode()),
            c => line.push(c),
        }
    }
    line
}

/// Returns text of several lines, each as [`printable`] makes it, and none of which begins with
/// GitHub's `::`.
pub fn printable_lines(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let line = printable(line);
        match line.trim_start().strip_prefix("::") {
            Some(rest) => format!(":\\:{rest}"),
            None => line,
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns whether a character is invisible but changes how text is shown.
fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(c,
            // Marks of direction, joiners, line and paragraph separators, tags.
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_that_acts() {
        let hostile = "\u{1b}[2J\n::error::forged\r##[error]x\u{202e}\u{9b}31m\0";
        let line = printable(hostile);
        assert_eq!(line, "\\u{1b}[2J\\n::error::forged\\r##\\[error]x\\u{202e}\\u{9b}31m\\u{0}");
        assert_eq!(printable(&line), line);
        assert!(printable(&"x".repeat(1 << 20)).len() < 5_000);
        assert_eq!(printable("Grüße, 世界"), "Grüße, 世界");
    }

    #[test]
    fn what_has_several_lines_gives_no_orders() {
        let said = "cannot open \u{1b}[2J\u{7}\u{202e}##[error]x:\n  ::error::forged";
        let told = "cannot open \\u{1b}[2J\\u{7}\\u{202e}##\\[error]x:\n:\\:error::forged";
        assert_eq!(printable_lines(said), told);
        assert_eq!(printable_lines(told), told);
    }
}
