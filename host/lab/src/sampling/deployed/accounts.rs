//! What became of the messages to a deployed agent: by the client, and by the host.

use crate::metrics::format::grouped;
use http::StatusCode;
use sandlab_runtime::span;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// The end of a message, as its host tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Answered,
    Failed,
    Refused,
    TimedOut,
    /// The host turned the request away before it was a message to an agent.
    TurnedAway,
    /// There was no response.
    Lost,
}

impl End {
    /// Returns the end that a response tells of.
    pub(super) fn of(status: StatusCode, reason: &str) -> Self {
        match reason {
            _ if status == StatusCode::OK => Self::Answered,
            "mailbox-full" | "draining" => Self::Refused,
            "timed-out" => Self::TimedOut,
            // Nothing of these reaches an agent, nor its counts.
            "bad-body" | "bad-header" | "foreign-host" | "foreign-origin" | "overloaded"
            | "slow-body" | "too-large" | "unauthorized" | "unknown-agent" | "" => Self::TurnedAway,
            _ => Self::Failed,
        }
    }
}

/// How many messages came to which end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ends {
    /// Messages that were answered.
    pub answered: u64,
    /// Messages that ended in a failure or a fault.
    pub failed: u64,
    /// Messages that a full mailbox, or a host about to stop, refused.
    pub refused: u64,
    /// Messages whose timeout came before a reply.
    pub timed_out: u64,
    /// Messages whose client went away; of the client itself, those without a response.
    pub lost: u64,
}

impl Ends {
    fn since(self, before: Self) -> Self {
        let less = u64::saturating_sub;
        Self {
            answered: less(self.answered, before.answered),
            failed: less(self.failed, before.failed),
            refused: less(self.refused, before.refused),
            timed_out: less(self.timed_out, before.timed_out),
            lost: less(self.lost, before.lost),
        }
    }

    fn all(self) -> u64 {
        self.answered + self.failed + self.refused + self.timed_out + self.lost
    }
}

impl fmt::Display for Ends {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |count: u64| grouped(count as f64);
        write!(f, "{} answered", number(self.answered))?;
        let rest = [
            (self.failed, "failed"),
            (self.refused, "refused"),
            (self.timed_out, "timed out"),
            (self.lost, "lost"),
        ];
        let mut rest = rest.into_iter().filter(|(count, _)| *count > 0);
        rest.try_for_each(|(count, what)| write!(f, ", {} {what}", number(count)))
    }
}

/// The client's counts, of all connections.
#[derive(Debug, Default)]
pub(super) struct Tally {
    sent: AtomicU64,
    answered: AtomicU64,
    failed: AtomicU64,
    refused: AtomicU64,
    timed_out: AtomicU64,
    turned_away: AtomicU64,
    lost: AtomicU64,
}

impl Tally {
    pub(super) fn sent(&self) {
        self.sent.fetch_add(1, Relaxed);
    }

    pub(super) fn end(&self, end: End) {
        let counter = match end {
            End::Answered => &self.answered,
            End::Failed => &self.failed,
            End::Refused => &self.refused,
            End::TimedOut => &self.timed_out,
            End::TurnedAway => &self.turned_away,
            End::Lost => &self.lost,
        };
        counter.fetch_add(1, Relaxed);
    }

    /// Returns the numbers of messages that were sent, of those that were turned away, and of the
    /// ends of all others.
    pub(super) fn ends(&self) -> (u64, u64, Ends) {
        let ends = Ends {
            answered: self.answered.load(Relaxed),
            failed: self.failed.load(Relaxed),
            refused: self.refused.load(Relaxed),
            timed_out: self.timed_out.load(Relaxed),
            lost: self.lost.load(Relaxed),
        };
        (self.sent.load(Relaxed), self.turned_away.load(Relaxed), ends)
    }
}

/// What both sides have counted, at one moment or between two.
#[derive(Debug, Clone, PartialEq)]
pub struct Accounts {
    /// Messages that the client sent.
    pub sent: u64,
    /// Of these, requests that were none to an agent, for the host.
    pub turned_away: u64,
    /// The ends that the client saw.
    pub client: Ends,
    /// The ends that the host counted.
    pub host: Ends,
    /// The host's times from arrival to reply: upper bounds in seconds, and how many were not above
    /// each, as its histogram has them.
    buckets: Vec<(f64, u64)>,
}

impl Accounts {
    /// Reads a host's metrics beside the client's counts; `None` if there are none of the agent.
    pub(super) fn read(client: (u64, u64, Ends), metrics: &str, agent: &str) -> Option<Self> {
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
        let (sent, turned_away, client) = client;
        Some(Self {
            sent,
            turned_away,
            client,
            host: Ends {
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

    /// Returns what was counted since `before`.
    pub fn since(&self, before: &Self) -> Self {
        let buckets = self.buckets.iter().zip(&before.buckets);
        Self {
            sent: self.sent - before.sent,
            turned_away: self.turned_away - before.turned_away,
            client: self.client.since(before.client),
            host: self.host.since(before.host),
            buckets: buckets.map(|(now, then)| (now.0, now.1.saturating_sub(then.1))).collect(),
        }
    }

    /// Checks that each message has one end, and the same on both sides.
    ///
    /// # Errors
    /// The difference, and what it may come from.
    pub fn check(&self) -> Result<(), String> {
        let Self { sent, turned_away, client, host, .. } = *self;
        if client.lost > 0 || client.all() + turned_away != sent {
            return Err(format!(
                "of {} messages {} came to no response; the host counted {host}",
                grouped(sent as f64),
                grouped((sent - turned_away - (client.all() - client.lost)) as f64),
            ));
        }
        if client != host {
            return Err(format!(
                "the accounts differ: {client} by the client, {host} by the host; if nobody else \
                 sends to the agent, and the host was not started anew, messages were counted \
                 wrongly"
            ));
        }
        Ok(())
    }

    /// Returns the bound that a quantile of the host's times is not above; `None` without any, or
    /// where it is above all bounds.
    fn quantile(&self, share: f64) -> Option<Duration> {
        let all = self.buckets.last()?.1;
        let wanted = (share * all as f64).ceil().max(1.0) as u64;
        let (bound, _) = self.buckets.iter().find(|(_, count)| *count >= wanted)?;
        Duration::try_from_secs_f64(*bound).ok()
    }
}

impl fmt::Display for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sent, turned_away, client, .. } = self;
        write!(f, "of {} messages {client}", grouped(*sent as f64))?;
        if *turned_away > 0 {
            write!(f, ", {} turned away", grouped(*turned_away as f64))?;
        }
        f.write_str(", by the client and by the host alike")?;
        if let (Some(p50), Some(p99)) = (self.quantile(0.5), self.quantile(0.99)) {
            let (p50, p99) = (span(p50), span(p99));
            write!(f, "; from their arrival at the host, p50 was at most {p50} and p99 {p99}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const METRICS: &str = "\
# TYPE sandlab_messages_total counter
sandlab_messages_total{agent=\"other\",outcome=\"answered\"} 99
sandlab_messages_total{agent=\"echo\",outcome=\"answered\"} 90
sandlab_messages_total{agent=\"echo\",outcome=\"failed\"} 4
sandlab_messages_total{agent=\"echo\",outcome=\"refused\"} 3
sandlab_messages_total{agent=\"echo\",outcome=\"timed-out\"} 2
sandlab_messages_total{agent=\"echo\",outcome=\"abandoned\"} 0
sandlab_messages_total{agent=\"echo\",outcome=\"told\"} 7
sandlab_message_duration_seconds_bucket{agent=\"echo\",le=\"0.001\"} 50
sandlab_message_duration_seconds_bucket{agent=\"echo\",le=\"0.01\"} 90
sandlab_message_duration_seconds_bucket{agent=\"echo\",le=\"+Inf\"} 90
";

    fn ends(answered: u64, failed: u64, refused: u64, timed_out: u64) -> Ends {
        Ends { answered, failed, refused, timed_out, lost: 0 }
    }

    #[test]
    fn both_sides_agree_to_the_message_or_the_difference_is_told() {
        let none = Accounts::read((0, 0, Ends::default()), METRICS, "echo").unwrap();
        assert_eq!(none.host, ends(90, 4, 3, 2));
        let good = Accounts::read((100, 1, ends(90, 4, 3, 2)), METRICS, "echo").unwrap();
        good.check().unwrap();
        assert_eq!(
            good.to_string(),
            "of 100 messages 90 answered, 4 failed, 3 refused, 2 timed out, 1 turned away, by the \
             client and by the host alike; from their arrival at the host, p50 was at most 1 ms \
             and p99 10 ms"
        );
        let lost = Ends { lost: 1, ..ends(90, 4, 3, 2) };
        let lost = Accounts::read((100, 0, lost), METRICS, "echo").unwrap();
        assert!(lost.check().unwrap_err().contains("of 100 messages 1 came to no response"));
        let twice = Accounts::read((98, 0, ends(89, 4, 3, 2)), METRICS, "echo").unwrap();
        assert!(twice.check().unwrap_err().contains("89 answered"), "{twice:?}");
        assert_eq!(good.since(&none).sent, 100);
        assert_eq!(Accounts::read((0, 0, Ends::default()), METRICS, "nobody"), None);
    }

    #[test]
    fn an_end_is_what_the_host_counts_it_as() {
        let of = |status, reason: &str| End::of(StatusCode::from_u16(status).unwrap(), reason);
        assert_eq!(of(200, ""), End::Answered);
        assert_eq!(of(429, "mailbox-full"), End::Refused);
        assert_eq!(of(503, "draining"), End::Refused);
        assert_eq!(of(503, "unavailable"), End::Failed);
        assert_eq!(of(503, "overloaded"), End::TurnedAway);
        assert_eq!(of(504, "timed-out"), End::TimedOut);
        assert_eq!(of(502, "panic"), End::Failed);
        assert_eq!(of(422, "not-understood"), End::Failed);
        assert_eq!(of(404, "unknown-agent"), End::TurnedAway);
        assert_eq!(of(413, "too-large"), End::TurnedAway);
        assert_eq!(of(401, "unauthorized"), End::TurnedAway);
    }
}
