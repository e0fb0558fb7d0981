//! Notes that a reader needs to judge the numbers.

use std::collections::BTreeMap;

/// A remark on the numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The remark, on all parts that it holds for.
    pub text: String,
    /// The remark on each part, where it sums up several; empty otherwise.
    pub details: Vec<String>,
}

impl Note {
    /// Returns a remark by itself.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), details: Vec::new() }
    }

    /// Returns each note once. Notes that differ only in their numbers and in the names of these
    /// parts are merged into one.
    pub fn collapsed(notes: &[Self], parts: &[String]) -> Vec<Self> {
        let mut places = BTreeMap::<String, usize>::new();
        let mut all: Vec<Vec<&Self>> = Vec::new();
        for note in notes {
            let at = *places.entry(kind(&note.text, parts)).or_insert_with(|| {
                all.push(Vec::new());
                all.len() - 1
            });
            if !all[at].contains(&note) {
                all[at].push(note);
            }
        }
        all.into_iter().filter_map(|alike| one(&alike)).collect()
    }
}

/// Returns several notes of a kind as one.
fn one(alike: &[&Note]) -> Option<Note> {
    let (first, others) = alike.split_first()?;
    if others.is_empty() {
        return Some((*first).clone());
    }
    let details = alike.iter().flat_map(|note| std::iter::once(&note.text).chain(&note.details));
    let alike = match others.len() {
        1 => "1 note like it".to_owned(),
        count => format!("{count} notes like it"),
    };
    Some(Note {
        text: format!("{} (and {alike})", first.text),
        details: details.cloned().collect(),
    })
}

/// Returns the common text of similar notes: their words, without numbers and parts.
fn kind(text: &str, parts: &[String]) -> String {
    let mut kind = text.to_owned();
    for part in parts {
        kind = kind.replace(part, "");
    }
    kind.replace(|c: char| c.is_ascii_digit(), "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_of_a_kind_are_one_with_their_number() {
        let notes = [
            "latency on wasm, 10 agents: measured for 2s instead of 1s",
            "other",
            "peak on process, 100 agents: measured for 3s instead of 2s",
            "other",
            "peak on wasm, 100 agents: measured for 5s instead of 2s",
        ];
        let parts = [
            "latency on wasm, 10 agents",
            "peak on process, 100 agents",
            "peak on wasm, 100 agents",
        ];
        let collapsed = Note::collapsed(&notes.map(Note::new), &parts.map(str::to_owned));
        let texts: Vec<_> = collapsed.iter().map(|note| note.text.as_str()).collect();
        let first = format!("{} (and 2 notes like it)", notes[0]);
        assert_eq!(texts, [first.as_str(), "other"]);
        assert_eq!(collapsed[0].details, [notes[0], notes[2], notes[4]]);
        assert!(collapsed[1].details.is_empty());
    }
}
