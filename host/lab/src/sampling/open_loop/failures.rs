//! Counts the causes of failures by what their texts have in common.

use std::collections::BTreeMap;

/// Different texts that are counted apart.
const MOST: usize = 32;

/// Characters of a text that tell it from others.
const LENGTH: usize = 120;

/// Characters of a text that are kept: more than a fault has with all that its guest wrote last.
const KEPT: usize = 600;

/// Texts of failures, with how often each came.
#[derive(Default)]
pub(super) struct Failures {
    /// By what a text has in common with others: the first of them, and how many there were.
    known: BTreeMap<String, (String, u64)>,
    others: u64,
}

impl Failures {
    /// Counts a failure.
    pub(super) fn add(&mut self, why: &str) {
        let kind = kind(why);
        let is_known = self.known.contains_key(&kind);
        match is_known || self.known.len() < MOST {
            true => self.known.entry(kind).or_insert_with(|| (beginning(why), 0)).1 += 1,
            false => self.others += 1,
        }
    }

    /// Returns the first text of each kind with how often the kind came, the commonest first, and
    /// last how many more there were.
    pub(super) fn texts(&self) -> Vec<(String, u64)> {
        let mut texts: Vec<_> = self.known.values().cloned().collect();
        texts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let others = ("other failures".to_owned(), self.others);
        texts.extend(Some(others).filter(|(_, count)| *count > 0));
        texts
    }
}

fn beginning(text: &str) -> String {
    let mut beginning: String = text.chars().take(KEPT).collect();
    if beginning.len() < text.len() {
        beginning.push('…');
    }
    beginning
}

/// Returns a text without what differs from message to message: words with a digit in them, as
/// numbers and identifiers are, and what is quoted.
fn kind(text: &str) -> String {
    let (mut kind, mut quote, mut last, mut word) = (String::new(), None, ' ', 0);
    for letter in text.chars().take(8 * LENGTH) {
        match quote {
            Some(end) if letter == end => quote = None,
            Some(_) => {}
            None if letter.is_ascii_digit() => {
                kind.truncate(word);
                kind.push('#');
            }
            None if letter.is_alphanumeric() && kind[word..].starts_with('#') => {}
            None => {
                quote = end_of_quote(letter, last);
                kind.push(letter);
                if !letter.is_alphanumeric() {
                    word = kind.len();
                }
            }
        }
        last = letter;
    }
    kind.chars().take(LENGTH).collect()
}

/// Returns what ends a quotation that this letter begins; `None` if it begins none: an apostrophe
/// stands behind a letter.
fn end_of_quote(letter: char, last: char) -> Option<char> {
    match letter {
        '"' | '`' => Some(letter),
        '\'' if !last.is_alphanumeric() => Some(letter),
        '“' | '„' => Some('”'),
        '‘' => Some('’'),
        '«' => Some('»'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_agent_quotes_of_a_message_does_not_tell_its_failures_apart() {
        let mut failures = Failures::default();
        let of = |n: u32| format!("message {n} of {n:08x}, \"user {n}\", is too long");
        (0..1_000).for_each(|n| failures.add(&of(n)));
        (0..3).for_each(|_| failures.add("can't parse it"));
        let texts = failures.texts();
        assert_eq!(texts[0], (of(0), 1_000));
        assert_eq!(texts[1], ("can't parse it".to_owned(), 3));
    }

    #[test]
    fn many_kinds_are_counted_together_and_long_texts_cut() {
        let mut failures = Failures::default();
        let letters = |n: u8| "x".repeat(usize::from(n));
        (1..=40).for_each(|n| failures.add(&letters(n)));
        assert_eq!(failures.texts().last().unwrap(), &("other failures".to_owned(), 8));
        let mut long = Failures::default();
        long.add(&letters(200).repeat(4));
        assert_eq!(long.texts()[0].0.chars().count(), KEPT + 1);
    }
}
