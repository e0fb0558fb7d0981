//! The accounts of a sender.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// Numbers of the requests of a [`Remote`](super::Remote) by their outcome. At any time each
/// request is counted in one place only ([`is_balanced`](Self::is_balanced)).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RemoteAccounts {
    /// Requests that were accepted.
    pub accepted: u64,
    /// Requests with all their replies.
    pub answered: u64,
    /// Requests that were not handled, or failed.
    pub failed: u64,
    /// Requests without an answer within their timeout: they may have been handled, or not.
    pub unknown: u64,
    /// Requests that wait for their answer.
    pub in_flight: u64,
    /// Answers to requests that were counted before: they are not counted again.
    pub late: u64,
    /// Messages that were sent without waiting for a reply.
    pub told: u64,
}

impl RemoteAccounts {
    /// Returns whether no request is lost and none is counted twice.
    pub fn is_balanced(&self) -> bool {
        self.accepted == self.answered + self.failed + self.unknown + self.in_flight
    }
}

/// As a sum: "5 accepted = 2 answered + 1 failed + 1 unknown + 1 in flight".
impl fmt::Display for RemoteAccounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.is_balanced() { '=' } else { '≠' };
        write!(
            f,
            "{} accepted {sign} {} answered + {} failed + {} unknown + {} in flight",
            self.accepted, self.answered, self.failed, self.unknown, self.in_flight
        )
    }
}

/// The way in which a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Answered,
    Failed,
    Unknown,
}

/// Counts requests. All counts are relaxed: exact while none is in flight.
#[derive(Default)]
pub struct Counts {
    accepted: AtomicU64,
    ended: [AtomicU64; 3],
    in_flight: AtomicU64,
    pub late: AtomicU64,
    pub told: AtomicU64,
}

impl Counts {
    /// Counts a request as accepted, and as ended when the guard is dropped: without an answer its
    /// outcome is unknown.
    pub fn accept(&self) -> Accepted<'_> {
        self.accepted.fetch_add(1, Ordering::Relaxed);
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        Accepted { counts: self, end: End::Unknown }
    }

    pub fn accounts(&self) -> RemoteAccounts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        RemoteAccounts {
            accepted: read(&self.accepted),
            answered: read(&self.ended[End::Answered as usize]),
            failed: read(&self.ended[End::Failed as usize]),
            unknown: read(&self.ended[End::Unknown as usize]),
            in_flight: read(&self.in_flight),
            late: read(&self.late),
            told: read(&self.told),
        }
    }
}

/// A request that was accepted and has not ended.
pub struct Accepted<'a> {
    counts: &'a Counts,
    pub end: End,
}

impl Drop for Accepted<'_> {
    fn drop(&mut self) {
        self.counts.ended[self.end as usize].fetch_add(1, Ordering::Relaxed);
        self.counts.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_in_flight_and_then_at_its_end() {
        let counts = Counts::default();
        let mut first = counts.accept();
        first.end = End::Answered;
        drop(first);
        let second = counts.accept();
        let sum = "1 answered + 0 failed + 0 unknown + 1 in flight";
        assert_eq!(counts.accounts().to_string(), format!("2 accepted = {sum}"));
        drop(second);
        let accounts = counts.accounts();
        assert_eq!((accounts.unknown, accounts.in_flight), (1, 0));
        assert!(accounts.is_balanced());
    }
}
