//! Spans that wait to be pushed.

use super::client::Signal;
use super::span::Record;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Spans of one request to the collector.
pub const BATCH: usize = 512;

/// The most spans that wait; more are dropped. As many again may be on their way.
const MOST: usize = 4 * BATCH;

/// Counts of what was pushed to the collector since the host started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtlpFigures {
    /// Spans that the collector took.
    pub sent: u64,
    /// Spans that found no room to wait, or that the collector did not take.
    pub dropped: u64,
    /// Requests with metrics that did not arrive, or were not taken.
    pub failed_metrics: u64,
    /// Requests with spans that did not arrive, or were not taken.
    pub failed_traces: u64,
}

/// Spans on their way from messages to the collector, and their counts.
#[derive(Default)]
pub struct Queue {
    waiting: Mutex<Vec<Record>>,
    /// Signals that a batch is full.
    full: Notify,
    sent: AtomicU64,
    dropped: AtomicU64,
    failed_metrics: AtomicU64,
    failed_traces: AtomicU64,
}

impl Queue {
    /// Adds a span, or drops it if there is no room. Wakes nobody but for a full batch, so that a
    /// message does not pay for it.
    pub fn push(&self, record: Record) {
        let mut waiting = self.lock();
        if waiting.len() >= MOST {
            drop(waiting);
            self.count_dropped(1);
            return;
        }
        waiting.push(record);
        let is_full = waiting.len() == BATCH;
        drop(waiting);
        if is_full {
            self.full.notify_one();
        }
    }

    /// Waits until a batch is full.
    pub async fn full(&self) {
        self.full.notified().await;
    }

    /// Takes all spans that wait.
    pub fn take(&self) -> Vec<Record> {
        // Outside of the lock, so that messages seldom allocate within it.
        let room = Vec::with_capacity(BATCH);
        std::mem::replace(&mut *self.lock(), room)
    }

    /// Counts spans that the collector took.
    pub fn count_sent(&self, spans: u64) {
        self.sent.fetch_add(spans, Relaxed);
    }

    /// Counts spans that nobody gets.
    pub fn count_dropped(&self, spans: u64) {
        self.dropped.fetch_add(spans, Relaxed);
    }

    /// Counts a request that did not arrive, or was not taken.
    pub fn count_failed(&self, signal: Signal) {
        let count = match signal {
            Signal::Metrics => &self.failed_metrics,
            Signal::Traces => &self.failed_traces,
        };
        count.fetch_add(1, Relaxed);
    }

    /// Returns the counts.
    pub fn figures(&self) -> OtlpFigures {
        OtlpFigures {
            sent: self.sent.load(Relaxed),
            dropped: self.dropped.load(Relaxed),
            failed_metrics: self.failed_metrics.load(Relaxed),
            failed_traces: self.failed_traces.load(Relaxed),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Record>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otlp::span::tests::record;

    #[test]
    fn what_finds_no_room_is_dropped_and_counted() {
        let queue = Queue::default();
        for _ in 0..MOST + 3 {
            queue.push(record());
        }
        assert_eq!(queue.figures().dropped, 3);
        assert_eq!(queue.take().len(), MOST);
        queue.push(record());
        assert_eq!((queue.take().len(), queue.figures().dropped), (1, 3));
    }
}
