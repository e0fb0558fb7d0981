//! The messages of an agent between two snapshots of its host.

use sandlab_serve::AgentFigures;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The findings of a host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "finding", rename_all = "kebab-case")]
pub enum Found {
    /// The messages of one agent from one snapshot to the next.
    Served(Served),
}

/// The messages of one agent from one snapshot to the next.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Served {
    /// The agent's name.
    pub agent: String,
    /// The later snapshot's time from the first one on, seconds.
    pub at: f64,
    /// The time between both, seconds.
    pub seconds: f64,
    /// Messages that were answered.
    pub answered: u64,
    /// Messages that ended in a failure or a fault.
    pub failed: u64,
    /// Messages that were refused: the mailbox was full, or the host about to stop.
    pub refused: u64,
    /// Messages whose sender's timeout came, or who went away, before a reply.
    pub unanswered: u64,
    /// Restarts after faults.
    pub restarts: u64,
    /// Linear memory of all instances at the end, bytes.
    pub linear_memory: u64,
    /// Upper bounds of times from a message's arrival to its reply, nanoseconds, each with the
    /// answered messages up to it and above the one before; null is above all.
    pub latency: Vec<(Option<u64>, u64)>,
}

impl Served {
    /// Returns the messages of an agent between two snapshots; `None` if there were none.
    pub fn between(
        agent: &str,
        before: &AgentFigures,
        after: &AgentFigures,
        at: Duration,
        seconds: Duration,
    ) -> Option<Self> {
        // An agent that was taken away and came back counts anew.
        let less = |after: u64, before: u64| after.checked_sub(before).unwrap_or(after);
        let failed = |figures: &AgentFigures| figures.failed.values().sum();
        let unanswered = |figures: &AgentFigures| figures.timed_out + figures.abandoned;
        let bounds = after.latency.bounds.iter().map(|bound| Some(bound.as_nanos() as u64));
        let counts = after.latency.counts.iter().enumerate().map(|(bucket, count)| {
            less(*count, before.latency.counts.get(bucket).copied().unwrap_or_default())
        });
        let latency = bounds.chain([None]).zip(counts).filter(|(_, count)| *count > 0);
        let served = Self {
            agent: agent.to_owned(),
            at: at.as_secs_f64(),
            seconds: seconds.as_secs_f64(),
            answered: less(after.answered, before.answered),
            failed: less(failed(after), failed(before)),
            refused: less(after.refused, before.refused),
            unanswered: less(unanswered(after), unanswered(before)),
            restarts: less(after.restarts, before.restarts),
            linear_memory: after.linear_memory,
            latency: latency.collect(),
        };
        (served.messages() > 0 || served.restarts > 0).then_some(served)
    }

    /// Returns the messages that wanted an answer.
    pub fn messages(&self) -> u64 {
        self.answered + self.failed + self.refused + self.unanswered
    }

    /// Returns the share of those that was answered; `None` without any.
    pub fn success(&self) -> Option<f64> {
        (self.messages() > 0).then(|| self.answered as f64 / self.messages() as f64)
    }

    /// Returns a bound that a quantile of the latency does not exceed, nanoseconds; `None` without
    /// replies, or if it is above all bounds.
    pub fn at_most(&self, quantile: f64) -> Option<f64> {
        let rank = (self.answered as f64 * quantile).ceil().max(1.0) as u64;
        let mut seen = 0;
        let (bound, _) = self.latency.iter().find(|(_, count)| {
            seen += count;
            seen >= rank
        })?;
        bound.map(|bound| bound as f64)
    }

    /// Adds later messages of the same agent.
    pub fn add(&mut self, later: &Self) {
        self.at = later.at;
        self.seconds += later.seconds;
        self.answered += later.answered;
        self.failed += later.failed;
        self.refused += later.refused;
        self.unanswered += later.unanswered;
        self.restarts += later.restarts;
        self.linear_memory = self.linear_memory.max(later.linear_memory);
        for (bound, count) in &later.latency {
            match self.latency.iter_mut().find(|(known, _)| known == bound) {
                Some((_, known)) => *known += count,
                None => self.latency.push((*bound, *count)),
            }
        }
        self.latency.sort_by_key(|(bound, _)| bound.unwrap_or(u64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sandlab_serve::Latency;

    fn figures(answered: u64, counts: [u64; 3]) -> AgentFigures {
        let bounds = vec![Duration::from_micros(10), Duration::from_micros(20)];
        let latency = Latency { bounds, counts: counts.to_vec(), sum: Duration::ZERO };
        AgentFigures { answered, latency, ..AgentFigures::default() }
    }

    fn between(before: &AgentFigures, after: &AgentFigures) -> Option<Served> {
        Served::between("echo", before, after, Duration::from_secs(9), Duration::from_secs(1))
    }

    #[test]
    fn what_happened_is_the_difference_and_nothing_is_nothing() {
        let (none, some) = (figures(0, [0; 3]), figures(4, [3, 0, 1]));
        assert_eq!(between(&some, &some), None);
        let served = between(&none, &some).unwrap();
        assert_eq!(served.latency, [(Some(10_000), 3), (None, 1)]);
        assert_eq!((served.at_most(0.5), served.at_most(0.99)), (Some(10_000.0), None));
        assert_eq!(served.success(), Some(1.0));
        // It was taken away, and came back.
        assert_eq!(between(&some, &figures(1, [0, 1, 0])).unwrap().answered, 1);
    }

    #[test]
    fn times_are_merged_by_their_bounds() {
        let (none, some) = (figures(0, [0; 3]), figures(2, [0, 1, 1]));
        let mut all = between(&none, &some).unwrap();
        all.add(&between(&none, &figures(1, [1, 0, 0])).unwrap());
        assert_eq!(all.latency, [(Some(10_000), 1), (Some(20_000), 1), (None, 1)]);
        assert_eq!((all.answered, all.at_most(0.5)), (3, Some(20_000.0)));
    }
}
