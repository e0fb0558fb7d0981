//! Escapes for the workflow commands of GitHub's runner, as its toolkit writes them.

use crate::printable::printable;

/// Escapes a message, whose line breaks are kept. Characters that a terminal or the runner would
/// interpret are spelled out, since logs are also read raw.
pub fn message(text: &str) -> String {
    let lines = text.lines().map(printable);
    let lines: Vec<_> = lines.map(|line| line.replace('%', "%25")).collect();
    lines.join("%0A")
}

/// Escapes a property.
pub fn property(text: &str) -> String {
    printable(text).replace('%', "%25").replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_an_annotation_or_begins_another() {
        assert_eq!(property("a,b::c\n::d%"), "a%2Cb%3A%3Ac\\n%3A%3Ad%25");
        assert_eq!(message("a\n::b%"), "a%0A::b%25");
        let acts = "\u{1b}[2J\u{7}\u{202e}##[error]x";
        for escaped in [property(acts), message(acts)] {
            let spelled = |c: char| c.is_control() || c == '\u{202e}';
            assert!(!escaped.contains(spelled) && !escaped.contains("##["), "{escaped:?}");
        }
    }
}
