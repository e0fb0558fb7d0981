//! Messages that were read before, by their text: to read a call of 1 KiB takes about three times as
//! long as to make it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Texts that are kept at most, and the longest one that is, bytes.
const KEPT: usize = 1_024;
const LONGEST: usize = 16 << 10;

/// A text with its parsed value.
pub(super) struct Read<T> {
    text: Box<[u8]>,
    pub of: T,
}

/// A cache of parsed messages, which all instances share.
pub(super) struct Known<T>(Mutex<ByText<T>>);

type ByText<T> = HashMap<Box<[u8]>, Arc<Read<T>>>;

impl<T> Default for Known<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Known<T> {
    /// Returns the parsed text, from the cache if it was parsed before.
    ///
    /// # Errors
    /// Those of `parse`.
    pub fn read<E>(
        &self,
        text: &[u8],
        parse: impl FnOnce(&[u8]) -> Result<T, E>,
    ) -> Result<Arc<Read<T>>, E> {
        let known = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(read) = known().get(text) {
            return Ok(read.clone());
        }
        let read = Arc::new(Read { of: parse(text)?, text: text.into() });
        if text.len() <= LONGEST {
            let mut known = known();
            if known.len() >= KEPT {
                known.clear();
            }
            known.insert(text.into(), read.clone());
        }
        Ok(read)
    }
}

/// The last messages of one instance, in order. A workload repeats its messages in the same order,
/// and comparing a text is cheaper than hashing it, and needs no lock.
pub(super) struct Recent<T> {
    reads: Vec<Arc<Read<T>>>,
    /// The index of the last one that was found.
    at: usize,
}

/// Texts that an instance remembers at most. They are shared with [`Known`], or too long for it,
/// of which only the last is kept.
const RECENT: usize = 64;

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self { reads: Vec::new(), at: 0 }
    }
}

impl<T> Recent<T> {
    /// Returns the parsed text: the one that followed the last text before, or the last one again,
    /// or else that of `known`.
    ///
    /// # Errors
    /// Those of `parse`.
    pub fn read<E>(
        &mut self,
        text: &[u8],
        known: &Known<T>,
        parse: impl FnOnce(&[u8]) -> Result<T, E>,
    ) -> Result<Arc<Read<T>>, E> {
        let next = if self.at + 1 < self.reads.len() { self.at + 1 } else { 0 };
        for at in [next, self.at] {
            if let Some(read) = self.reads.get(at)
                && *read.text == *text
            {
                self.at = at;
                return Ok(read.clone());
            }
        }
        let read = known.read(text, parse)?;
        if text.len() > LONGEST {
            self.reads.clear();
        }
        self.at = self.reads.len().min(self.at + 1);
        self.reads.insert(self.at, read.clone());
        if self.reads.len() > RECENT {
            // The one that is next was not what came.
            let forgotten = if self.at == RECENT { 0 } else { self.at + 1 };
            self.reads.remove(forgotten);
            self.at -= usize::from(forgotten < self.at);
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    /// Reads texts as strings, and counts how often one was parsed.
    fn looked_up(recent: &mut Recent<String>, texts: &[&str]) -> usize {
        let (known, count) = (Known::default(), Cell::new(0));
        for text in texts {
            let parse = |bytes: &[u8]| {
                count.set(count.get() + 1);
                String::from_utf8(bytes.to_vec())
            };
            assert_eq!(recent.read(text.as_bytes(), &known, parse).unwrap().of, *text);
        }
        count.get()
    }

    #[test]
    fn a_series_that_repeats_is_looked_up_once() {
        let mut recent = Recent::default();
        let series = ["a", "b", "a", "a", "c"];
        assert_eq!(looked_up(&mut recent, &series.repeat(2)), 3);
        // What is known has gone, and nobody asks for it any more.
        assert_eq!(looked_up(&mut recent, &series.repeat(3)), 0);
    }

    #[test]
    fn more_than_are_remembered_are_still_read() {
        let texts: Vec<_> = (0..3 * RECENT).map(|n| n.to_string()).collect();
        let texts: Vec<_> = texts.iter().map(String::as_str).collect();
        let mut recent = Recent::default();
        assert_eq!(looked_up(&mut recent, &texts.repeat(2)), texts.len());
        assert!(recent.reads.len() <= RECENT);
        let long = "x".repeat(LONGEST + 1);
        assert_eq!(looked_up(&mut recent, &[&long, &long]), 1);
        assert_eq!(recent.reads.len(), 1);
    }
}
