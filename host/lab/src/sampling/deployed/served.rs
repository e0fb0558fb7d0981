//! Counts of an agent's messages by its hosts.

use super::accounts::Ends;
use std::ops::Add;
use std::time::Duration;

/// The messages of hosts, as their metrics have them.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Served {
    pub(super) ends: Ends,
    /// The times from arrival to reply: upper bounds in seconds, and how many were not above each.
    buckets: Vec<(f64, u64)>,
}

impl Served {
    /// Reads the metrics of a host; `None` if they do not have the agent.
    pub(super) fn read(metrics: &str, agent: &str) -> Option<Self> {
        let of = format!("agent=\"{agent}\"");
        let samples = |name: &'static str| {
            let lines = metrics.lines().filter_map(move |line| {
                let (labels, value) =
                    line.strip_prefix(name)?.strip_prefix('{')?.split_once("} ")?;
                Some((labels, value.split(' ').next()?.parse::<f64>().ok()?))
            });
            let of = of.clone();
            lines.filter(move |(labels, _)| labels.split(',').any(|label| label == of))
        };
        let messages: Vec<_> = samples("sandlab_messages_total").collect();
        let count = |outcome: &str| {
            let label = format!("outcome=\"{outcome}\"");
            let with = |(labels, _): &&(&str, f64)| labels.split(',').any(|one| one == label);
            messages.iter().find(with).map(|(_, value)| *value as u64)
        };
        let bucket = |(labels, value): (&str, f64)| {
            let bound = labels.split(',').find_map(|label| label.strip_prefix("le=\""));
            Some((bound?.trim_end_matches('"').parse::<f64>().ok()?, value as u64))
        };
        Some(Self {
            ends: Ends {
                answered: count("answered")?,
                failed: count("failed")?,
                refused: count("refused")?,
                timed_out: count("timed-out")?,
                lost: count("abandoned")?,
            },
            buckets: samples("sandlab_message_duration_seconds_bucket")
                .filter_map(bucket)
                .collect(),
        })
    }

    pub(super) fn since(&self, before: &Self) -> Self {
        let buckets = self.buckets.iter().zip(&before.buckets);
        Self {
            ends: self.ends.since(before.ends),
            buckets: buckets.map(|(now, then)| (now.0, now.1.saturating_sub(then.1))).collect(),
        }
    }

    /// Returns the bound that a quantile of the times is not above; `None` without any, or where it
    /// is above all bounds.
    pub(super) fn quantile(&self, share: f64) -> Option<Duration> {
        let all = self.buckets.last()?.1;
        let wanted = (share * all as f64).ceil().max(1.0) as u64;
        let (bound, _) = self.buckets.iter().find(|(_, count)| *count >= wanted)?;
        Duration::try_from_secs_f64(*bound).ok()
    }
}

/// Adds the counts of another host. All hosts have the same bounds.
impl Add for Served {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let buckets = match self.buckets.is_empty() {
            true => other.buckets,
            false => {
                let both = self.buckets.into_iter().zip(other.buckets);
                both.map(|((bound, ours), (_, theirs))| (bound, ours + theirs)).collect()
            }
        };
        Self { ends: self.ends + other.ends, buckets }
    }
}
