//! Notes on messages that have not come back.

use std::collections::VecDeque;

/// One entry a message, by ids that grow by one: from the oldest that is still out.
pub struct Departures<T> {
    oldest: u64,
    entries: VecDeque<Option<T>>,
}

impl<T> Default for Departures<T> {
    fn default() -> Self {
        Self { oldest: 0, entries: VecDeque::new() }
    }
}

impl<T> Departures<T> {
    /// Notes the next message.
    pub fn push(&mut self, id: u64, entry: T) {
        if self.entries.is_empty() {
            self.oldest = id;
        }
        self.entries.push_back(Some(entry));
    }

    /// Takes what was noted of a message; `None` if it came back before.
    pub fn take(&mut self, id: u64) -> Option<T> {
        let place = usize::try_from(id.checked_sub(self.oldest)?).ok()?;
        let entry = self.entries.get_mut(place)?.take();
        while self.entries.pop_front_if(|entry| entry.is_none()).is_some() {
            self.oldest += 1;
        }
        entry
    }

    /// Returns how many messages are not back.
    pub fn count(&self) -> usize {
        self.entries.iter().flatten().count()
    }

    /// Takes what was noted of all messages that are not back.
    pub fn take_all(&mut self) -> impl Iterator<Item = T> {
        std::mem::take(&mut self.entries).into_iter().flatten()
    }

    /// Returns the `count` entries that were noted last, without those of messages that are back.
    pub fn latest(&mut self, count: usize) -> impl Iterator<Item = &mut T> {
        let first = self.entries.len().saturating_sub(count);
        self.entries.range_mut(first..).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_is_overtaken_keeps_its_entry() {
        let mut out = Departures::default();
        (1..=1_000).for_each(|id| out.push(id, id * 10));
        for id in 2..=1_000 {
            assert_eq!(out.take(id), Some(id * 10));
        }
        assert_eq!(out.take(1), Some(10));
        assert_eq!((out.take(1), out.entries.len()), (None, 0));
    }

    #[test]
    fn the_latest_can_be_changed() {
        let mut out = Departures::default();
        (1..=5).for_each(|id| out.push(id, id));
        out.latest(2).for_each(|entry| *entry = 0);
        assert_eq!((out.take(3), out.take(4)), (Some(3), Some(0)));
    }
}
