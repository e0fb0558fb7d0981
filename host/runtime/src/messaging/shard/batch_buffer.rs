//! The rule by which the queued messages of an agent make a batch.

use crate::messaging::Batching;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The arrival times of the queued messages of an agent that takes batches.
#[derive(Debug)]
pub struct BatchBuffer {
    size: usize,
    timeout: Duration,
    /// One per queued message; empty without a timeout.
    arrivals: VecDeque<Instant>,
    /// Set while a timer of the shard waits to check this buffer.
    is_timed: bool,
    /// Set once the oldest message has waited for the timeout.
    is_overdue: bool,
}

/// The step that the queued messages are due for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchState {
    /// Pass them to the agent.
    Ready,
    /// Wait for more; set a timer that checks again.
    CheckAt(Instant),
    /// Wait for more; a timer is already set.
    Waiting,
}

impl BatchBuffer {
    pub fn new(batching: Batching) -> Self {
        Self {
            size: batching.size.get() as usize,
            timeout: batching.timeout,
            arrivals: VecDeque::new(),
            is_timed: false,
            is_overdue: false,
        }
    }

    /// Returns the most messages per call.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Notes the arrival of a message.
    pub fn arrived(&mut self) {
        if !self.timeout.is_zero() {
            self.arrivals.push_back(Instant::now());
        }
    }

    /// Returns the state with `waiting` messages in the mailbox, at least one.
    pub fn state(&mut self, waiting: usize, mailbox_is_full: bool) -> BatchState {
        let is_batch = waiting >= self.size || mailbox_is_full;
        if is_batch || self.timeout.is_zero() || self.is_overdue {
            return BatchState::Ready;
        }
        if self.is_timed {
            return BatchState::Waiting;
        }
        let oldest = self.arrivals.front();
        // A time beyond what the clock can represent needs no timer.
        match oldest.and_then(|oldest| oldest.checked_add(self.timeout)) {
            Some(at) => {
                self.is_timed = true;
                BatchState::CheckAt(at)
            }
            None => BatchState::Waiting,
        }
    }

    /// Forgets the oldest `count` messages, which were passed to the agent.
    pub fn taken(&mut self, count: usize) {
        self.arrivals.drain(..count.min(self.arrivals.len()));
        self.is_overdue = false;
    }

    /// Checks the oldest message's age, when the timer has fired.
    pub fn check(&mut self, now: Instant) {
        self.is_timed = false;
        let oldest = self.arrivals.front();
        self.is_overdue =
            oldest.is_some_and(|oldest| now.saturating_duration_since(*oldest) >= self.timeout);
    }

    /// Lets no message wait for others any more.
    pub fn flush(&mut self) {
        self.timeout = Duration::ZERO;
        self.arrivals.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU32;

    fn with(timeout: Duration) -> BatchBuffer {
        let size = NonZeroU32::new(3).unwrap();
        BatchBuffer::new(Batching { size, timeout })
    }

    #[test]
    fn without_a_timeout_what_is_there_is_a_batch() {
        let mut buffer = with(Duration::ZERO);
        buffer.arrived();
        assert_eq!(buffer.state(1, false), BatchState::Ready);
    }

    #[test]
    fn with_one_a_batch_is_full_or_old_or_all_that_fits() {
        let hour = Duration::from_secs(3_600);
        let mut buffer = with(hour);
        buffer.arrived();
        buffer.arrived();
        let BatchState::CheckAt(at) = buffer.state(2, false) else {
            panic!("two of three are no batch");
        };
        assert_eq!(buffer.state(2, false), BatchState::Waiting);
        assert_eq!(buffer.state(3, false), BatchState::Ready);
        assert_eq!(buffer.state(2, true), BatchState::Ready);
        buffer.check(at);
        assert_eq!(buffer.state(2, false), BatchState::Ready);
        // What came later has its own time.
        buffer.arrived();
        buffer.taken(2);
        assert!(matches!(buffer.state(1, false), BatchState::CheckAt(later) if later > at));
    }

    #[test]
    fn a_check_that_is_too_early_is_repeated() {
        let mut buffer = with(Duration::from_secs(3_600));
        buffer.arrived();
        assert!(matches!(buffer.state(1, false), BatchState::CheckAt(_)));
        buffer.check(Instant::now());
        assert!(matches!(buffer.state(1, false), BatchState::CheckAt(_)));
    }

    #[test]
    fn an_endless_timeout_sets_no_timer() {
        let mut buffer = with(Duration::MAX);
        buffer.arrived();
        assert_eq!(buffer.state(1, false), BatchState::Waiting);
        buffer.flush();
        assert_eq!(buffer.state(1, false), BatchState::Ready);
    }
}
