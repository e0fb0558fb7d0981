//! Counts of the outcomes of messages to a deployed agent, by the clients and by the hosts.

use super::served::Served;
use crate::metrics::format::grouped;
use http::StatusCode;
use sandlab_runtime::span;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::Add;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The outcome of a message, as its host reports it.
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
    /// Returns the outcome that a response stands for.
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

/// Numbers of messages by their outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Returns the numbers that a function makes of each two.
    fn zip(self, other: Self, of: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            answered: of(self.answered, other.answered),
            failed: of(self.failed, other.failed),
            refused: of(self.refused, other.refused),
            timed_out: of(self.timed_out, other.timed_out),
            lost: of(self.lost, other.lost),
        }
    }

    pub(super) fn since(self, before: Self) -> Self {
        self.zip(before, u64::saturating_sub)
    }

    fn all(self) -> u64 {
        self.answered + self.failed + self.refused + self.timed_out + self.lost
    }
}

impl Add for Ends {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        self.zip(other, u64::add)
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

    /// Adds the counts of other clients.
    pub(super) fn add(&self, counts: &Counts) {
        let Counts { sent, turned_away, ends } = counts;
        for (counter, count) in [
            (&self.sent, sent),
            (&self.turned_away, turned_away),
            (&self.answered, &ends.answered),
            (&self.failed, &ends.failed),
            (&self.refused, &ends.refused),
            (&self.timed_out, &ends.timed_out),
            (&self.lost, &ends.lost),
        ] {
            counter.fetch_add(*count, Relaxed);
        }
    }

    /// Returns the counts so far; exact while no message is in flight.
    pub(super) fn counts(&self) -> Counts {
        Counts {
            sent: self.sent.load(Relaxed),
            turned_away: self.turned_away.load(Relaxed),
            ends: Ends {
                answered: self.answered.load(Relaxed),
                failed: self.failed.load(Relaxed),
                refused: self.refused.load(Relaxed),
                timed_out: self.timed_out.load(Relaxed),
                lost: self.lost.load(Relaxed),
            },
        }
    }
}

/// The messages of clients.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Messages that were sent.
    pub sent: u64,
    /// Requests among them that the host turned away before they reached an agent.
    pub turned_away: u64,
    /// The ends of all others.
    pub ends: Ends,
}

impl Counts {
    /// Returns the largest of its numbers.
    pub fn most(&self) -> u64 {
        let Ends { answered, failed, refused, timed_out, lost } = self.ends;
        [self.sent, self.turned_away, answered, failed, refused, timed_out, lost]
            .into_iter()
            .fold(0, u64::max)
    }

    fn since(self, before: Self) -> Self {
        Self {
            sent: self.sent - before.sent,
            turned_away: self.turned_away - before.turned_away,
            ends: self.ends.since(before.ends),
        }
    }

    /// Returns the number of messages without a response.
    fn missing(self) -> u64 {
        let responses = self.turned_away + self.ends.all() - self.ends.lost;
        self.sent.saturating_sub(responses)
    }
}

impl Add for Counts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            sent: self.sent + other.sent,
            turned_away: self.turned_away + other.turned_away,
            ends: self.ends + other.ends,
        }
    }
}

/// The counts of clients and hosts, at one moment or between two.
#[derive(Debug, Clone, PartialEq)]
pub struct Accounts {
    pub(super) client: Counts,
    /// The counts of the hosts; `None` if they are not asked.
    pub(super) hosts: Option<Served>,
}

impl Accounts {
    /// Returns the counts since `before`.
    pub fn since(&self, before: &Self) -> Self {
        let hosts = self.hosts.as_ref().zip(before.hosts.as_ref());
        Self {
            client: self.client.since(before.client),
            hosts: hosts.map(|(now, before)| now.since(before)),
        }
    }

    /// Returns a sentence on both sides' counts where they cannot be compared.
    pub fn unsettled(&self) -> String {
        let Counts { sent, ends, .. } = self.client;
        let counted = self.hosts.as_ref().map_or_else(String::new, |hosts| {
            let counted = hosts.ends;
            format!("; the host counted {counted}")
        });
        let sent = grouped(sent as f64);
        format!("of {sent} messages of the workers that are left {ends}{counted}")
    }

    /// Checks that each message has one outcome, which is the same on both sides.
    ///
    /// # Errors
    /// If they differ; the text has the difference and its possible causes.
    pub fn check(&self) -> Result<(), String> {
        let Counts { sent, turned_away, ends } = self.client;
        let missing = self.client.missing();
        if missing > 0 || ends.all() + turned_away != sent {
            let counted = self.hosts.as_ref().map_or_else(String::new, |hosts| {
                let counted = hosts.ends;
                format!("; the host counted {counted}")
            });
            return Err(format!(
                "of {} messages {} came to no response{counted}",
                grouped(sent as f64),
                grouped(missing as f64),
            ));
        }
        match &self.hosts {
            Some(hosts) if hosts.ends != ends => Err(format!(
                "the accounts differ: {ends} by the client, {} by the host; if nobody else sends \
                 to the agent, and the host was not started anew, messages were counted wrongly",
                hosts.ends
            )),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { sent, turned_away, ends } = self.client;
        write!(f, "of {} messages {ends}", grouped(sent as f64))?;
        if turned_away > 0 {
            write!(f, ", {} turned away", grouped(turned_away as f64))?;
        }
        let Some(hosts) = &self.hosts else {
            return f.write_str(
                ", by the client alone: the hosts were not asked, which `--metrics \
                 http://HOST:PORT` would do",
            );
        };
        f.write_str(", by the client and by the host alike")?;
        if let (Some(p50), Some(p99)) = (hosts.quantile(0.5), hosts.quantile(0.99)) {
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

    fn accounts(sent: u64, turned_away: u64, ends: Ends) -> Accounts {
        let client = Counts { sent, turned_away, ends };
        Accounts { client, hosts: Served::read(METRICS, "echo") }
    }

    #[test]
    fn both_sides_agree_to_the_message_or_the_difference_is_told() {
        let none = accounts(0, 0, Ends::default());
        assert_eq!(none.hosts.as_ref().unwrap().ends, ends(90, 4, 3, 2));
        let good = accounts(100, 1, ends(90, 4, 3, 2));
        good.check().unwrap();
        assert_eq!(
            good.to_string(),
            "of 100 messages 90 answered, 4 failed, 3 refused, 2 timed out, 1 turned away, by the \
             client and by the host alike; from their arrival at the host, p50 was at most 1 ms \
             and p99 10 ms"
        );
        let lost = accounts(100, 0, Ends { lost: 1, ..ends(90, 4, 3, 2) });
        assert!(lost.check().unwrap_err().contains("of 100 messages 1 came to no response"));
        let twice = accounts(98, 0, ends(89, 4, 3, 2));
        assert!(twice.check().unwrap_err().contains("89 answered"), "{twice:?}");
        assert_eq!(good.since(&none).client.sent, 100);
        assert_eq!(Served::read(METRICS, "nobody"), None);
    }

    #[test]
    fn two_hosts_count_together_and_none_is_told_to_be_none() {
        let two = Served::read(METRICS, "echo").unwrap() + Served::read(METRICS, "echo").unwrap();
        let client = Counts { sent: 198, turned_away: 0, ends: ends(180, 8, 6, 4) };
        let both = Accounts { client, hosts: Some(Served::default() + two) };
        both.check().unwrap();
        assert!(both.to_string().contains("p50 was at most 1 ms and p99 10 ms"), "{both}");
        let alone = Accounts { client, hosts: None };
        alone.check().unwrap();
        assert!(alone.to_string().contains("by the client alone"), "{alone}");
        let lost = Accounts { client: Counts { sent: 199, ..client }, hosts: None };
        assert!(lost.check().unwrap_err().contains("1 came to no response"));
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
