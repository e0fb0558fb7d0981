//! Counts of an agent's replies, failures and refusals, as its senders got them.

use super::{AskError, Outcome};
use crate::snapshot::{AgentFigures, Latency};
use sandlab_runtime::messaging::DeliveryError;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The upper bounds of the buckets of latency, in microseconds: three per decade, so that a
/// quantile between two of them is off by less than half, from the shortest way through a host to
/// the longest deadline.
const BOUNDS: [u64; 22] = [
    10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000,
    500_000, 1_000_000, 2_000_000, 5_000_000, 10_000_000, 20_000_000, 30_000_000, 60_000_000,
];

/// Returns the upper bounds of all buckets of latency but the last, ascending.
pub fn bounds() -> impl Iterator<Item = Duration> {
    BOUNDS.into_iter().map(Duration::from_micros)
}

/// The counts of one agent, which outlive a change of its configuration.
#[derive(Default)]
pub struct Counters {
    refused: AtomicU64,
    timed_out: AtomicU64,
    abandoned: AtomicU64,
    in_flight: AtomicU64,
    buckets: [AtomicU64; BOUNDS.len() + 1],
    sum_nanos: AtomicU64,
    /// By name. Few, and failures are rare beside answers.
    failed: Mutex<BTreeMap<&'static str, u64>>,
    /// Restarts of instances, also of those that were replaced.
    restarts: AtomicU64,
}

impl Counters {
    /// Notes a message that waits for its reply until the guard ends.
    pub fn ask(&self) -> Ask<'_> {
        self.in_flight.fetch_add(1, Relaxed);
        Ask { counters: self, arrived: Instant::now(), is_over: false }
    }

    /// Notes a message that was refused.
    pub fn refuse(&self) {
        self.refused.fetch_add(1, Relaxed);
    }

    /// Counts restarts of an instance.
    pub fn restarted(&self, times: u64) {
        self.restarts.fetch_add(times, Relaxed);
    }

    /// Returns the restarts of all instances so far.
    pub fn restarts(&self) -> u64 {
        self.restarts.load(Relaxed)
    }

    /// Notes a message that was not accepted, or has no reply.
    pub fn failed(&self, error: &AskError) {
        match error.outcome() {
            Some(Outcome::Refused) => self.refuse(),
            Some(Outcome::TimedOut) => drop(self.timed_out.fetch_add(1, Relaxed)),
            _ => {
                let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
                *failed.entry(reason(error)).or_default() += 1;
            }
        }
    }

    fn answered(&self, within: Duration) {
        let micros = u64::try_from(within.as_nanos().div_ceil(1_000)).unwrap_or(u64::MAX);
        self.buckets[BOUNDS.partition_point(|bound| *bound < micros)].fetch_add(1, Relaxed);
        let nanos = u64::try_from(within.as_nanos()).unwrap_or(u64::MAX);
        self.sum_nanos.fetch_add(nanos, Relaxed);
    }

    /// Returns how many messages wait for their reply.
    pub fn in_flight(&self) -> u64 {
        self.in_flight.load(Relaxed)
    }

    /// Returns the counts, without those that only the runtime has.
    pub fn figures(&self) -> AgentFigures {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let counts: Vec<_> = self.buckets.iter().map(|count| count.load(Relaxed)).collect();
        AgentFigures {
            answered: counts.iter().sum(),
            failed: failed.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect(),
            refused: self.refused.load(Relaxed),
            timed_out: self.timed_out.load(Relaxed),
            abandoned: self.abandoned.load(Relaxed),
            latency: Latency {
                bounds: bounds().collect(),
                counts,
                sum: Duration::from_nanos(self.sum_nanos.load(Relaxed)),
            },
            in_flight: self.in_flight(),
            restarts: self.restarts(),
            ..AgentFigures::default()
        }
    }
}

/// A message that waits for its reply. Dropped before its [`end`](Self::end), its sender has gone.
pub struct Ask<'a> {
    counters: &'a Counters,
    arrived: Instant,
    is_over: bool,
}

impl Ask<'_> {
    /// Counts how it ended.
    pub fn end<T>(mut self, answer: &Result<T, AskError>) {
        self.is_over = true;
        match answer {
            Ok(_) => self.counters.answered(self.arrived.elapsed()),
            Err(error) => self.counters.failed(error),
        }
    }
}

impl Drop for Ask<'_> {
    fn drop(&mut self) {
        self.counters.in_flight.fetch_sub(1, Relaxed);
        if !self.is_over {
            self.counters.abandoned.fetch_add(1, Relaxed);
        }
    }
}

/// Returns the name of the reason that a message has no reply: of the failure, or of the fault.
pub fn reason(error: &AskError) -> &'static str {
    let error = match error {
        AskError::Unknown(_) => return "unknown-agent",
        AskError::Draining => return "draining",
        AskError::TooLarge { .. } => return "reply-too-large",
        AskError::Delivery(error) => error,
    };
    match error {
        DeliveryError::Failed(failure) => failure.name(),
        DeliveryError::Ended(fault) => fault.cause.name(),
        DeliveryError::NoSuchAgent | DeliveryError::Stopped => "stopped",
        DeliveryError::MailboxFull => "mailbox-full",
        DeliveryError::TooManyHops => "too-many-hops",
        DeliveryError::ShutDown => "shut-down",
        DeliveryError::TimedOut(_) => "timed-out",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_end_is_counted_once_and_where_it_belongs() {
        let counters = Counters::default();
        counters.ask().end(&Ok(()));
        let fails = |error: DeliveryError| counters.ask().end::<()>(&Err(error.into()));
        fails(DeliveryError::MailboxFull);
        fails(DeliveryError::TimedOut(Duration::ZERO));
        fails(DeliveryError::Stopped);
        counters.ask().end::<()>(&Err(AskError::TooLarge { bytes: 2, most: 1 }));
        drop(counters.ask());
        let _waits = counters.ask();
        let figures = counters.figures();
        let ends = [figures.answered, figures.refused, figures.timed_out, figures.abandoned];
        assert_eq!((ends, figures.in_flight), ([1; 4], 1));
        let failed = ["reply-too-large", "stopped"].map(|name| (name.to_owned(), 1));
        assert_eq!(figures.failed, BTreeMap::from(failed));
        assert_eq!(figures.latency.counts.iter().sum::<u64>(), 1);
    }

    #[test]
    fn a_bound_is_inclusive_and_the_last_bucket_has_the_rest() {
        let counters = Counters::default();
        for nanos in [10_000, 10_001, 61_000_000_000] {
            counters.answered(Duration::from_nanos(nanos));
        }
        let latency = counters.figures().latency;
        assert_eq!((latency.counts[0], latency.counts[1]), (1, 1));
        assert_eq!(latency.counts.last(), Some(&1));
        assert_eq!(latency.sum, Duration::from_nanos(61_000_020_001));
    }
}
