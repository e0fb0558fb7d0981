//! When what waits for an agent is a batch.

use super::strategy::Batching;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The messages that wait for an agent to be handed over together.
#[derive(Debug)]
pub struct Gathering {
    size: usize,
    timeout: Duration,
    /// When each of them came; none if they need not wait.
    arrivals: VecDeque<Instant>,
    /// Whether the shard will look at the right time.
    is_timed: bool,
    /// Whether the oldest one has waited for long enough.
    is_overdue: bool,
}

/// What to do with the messages that wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ripeness {
    /// Hand them over.
    Ripe,
    /// Wait for more; look again at this time.
    Until(Instant),
    /// Wait for more; somebody looks again anyway.
    Waits,
}

impl Gathering {
    pub fn new(batching: Batching) -> Self {
        Self {
            size: batching.size.get() as usize,
            timeout: batching.timeout,
            arrivals: VecDeque::new(),
            is_timed: false,
            is_overdue: false,
        }
    }

    /// Messages a call, at most.
    pub fn size(&self) -> usize {
        self.size
    }

    /// One more message came.
    pub fn arrived(&mut self) {
        if !self.timeout.is_zero() {
            self.arrivals.push_back(Instant::now());
        }
    }

    /// Whether so many messages, at least one, are to be handed over now.
    pub fn ripeness(&mut self, waiting: usize, mailbox_is_full: bool) -> Ripeness {
        let is_batch = waiting >= self.size || mailbox_is_full;
        if is_batch || self.timeout.is_zero() || self.is_overdue {
            return Ripeness::Ripe;
        }
        if self.is_timed {
            return Ripeness::Waits;
        }
        let oldest = self.arrivals.front();
        // A time that no clock will ever show needs no look.
        match oldest.and_then(|oldest| oldest.checked_add(self.timeout)) {
            Some(at) => {
                self.is_timed = true;
                Ripeness::Until(at)
            }
            None => Ripeness::Waits,
        }
    }

    /// So many messages were handed over.
    pub fn taken(&mut self, count: usize) {
        self.arrivals.drain(..count.min(self.arrivals.len()));
        self.is_overdue = false;
    }

    /// The time has come to look.
    pub fn look(&mut self, now: Instant) {
        self.is_timed = false;
        let oldest = self.arrivals.front();
        self.is_overdue =
            oldest.is_some_and(|oldest| now.saturating_duration_since(*oldest) >= self.timeout);
    }

    /// Lets nothing wait any more.
    pub fn hurry(&mut self) {
        self.timeout = Duration::ZERO;
        self.arrivals.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU32;

    fn gathering(timeout: Duration) -> Gathering {
        let size = NonZeroU32::new(3).unwrap();
        Gathering::new(Batching { size, timeout })
    }

    #[test]
    fn without_a_timeout_what_is_there_is_a_batch() {
        let mut gathering = gathering(Duration::ZERO);
        gathering.arrived();
        assert_eq!(gathering.ripeness(1, false), Ripeness::Ripe);
    }

    #[test]
    fn with_one_a_batch_is_full_or_old_or_all_that_fits() {
        let hour = Duration::from_secs(3_600);
        let mut gathering = gathering(hour);
        gathering.arrived();
        gathering.arrived();
        let Ripeness::Until(at) = gathering.ripeness(2, false) else {
            panic!("two of three are no batch");
        };
        assert_eq!(gathering.ripeness(2, false), Ripeness::Waits);
        assert_eq!(gathering.ripeness(3, false), Ripeness::Ripe);
        assert_eq!(gathering.ripeness(2, true), Ripeness::Ripe);
        gathering.look(at);
        assert_eq!(gathering.ripeness(2, false), Ripeness::Ripe);
        // What came later has its own time.
        gathering.arrived();
        gathering.taken(2);
        assert!(matches!(gathering.ripeness(1, false), Ripeness::Until(later) if later > at));
    }

    #[test]
    fn a_look_that_is_too_early_is_taken_again() {
        let mut gathering = gathering(Duration::from_secs(3_600));
        gathering.arrived();
        assert!(matches!(gathering.ripeness(1, false), Ripeness::Until(_)));
        gathering.look(Instant::now());
        assert!(matches!(gathering.ripeness(1, false), Ripeness::Until(_)));
    }

    #[test]
    fn a_time_without_end_is_no_time() {
        let mut gathering = gathering(Duration::MAX);
        gathering.arrived();
        assert_eq!(gathering.ripeness(1, false), Ripeness::Waits);
        gathering.hurry();
        assert_eq!(gathering.ripeness(1, false), Ripeness::Ripe);
    }
}
