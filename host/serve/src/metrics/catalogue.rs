//! All metrics of a host, each defined once.

use crate::host::Outcome;
use crate::snapshot::{AgentFigures, Latency, Snapshot};

/// A metric: a metric family in Prometheus's terms.
pub struct Metric {
    /// The name, without the `_total` of a counter.
    pub name: &'static str,
    /// Counter, gauge or histogram.
    pub kind: Kind,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// The sentence for the `HELP` line and the documents.
    pub help: &'static str,
    read: fn(&Snapshot, &mut Series),
}

/// The type of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A count that only grows.
    Counter,
    /// A value that rises and falls.
    Gauge,
    /// Counts of times, by upper bounds.
    Histogram,
}

impl Kind {
    /// Returns the name in the text format.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// The value of one series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// The value of a counter or a gauge.
    Number(f64),
    /// The counted times of a histogram.
    Times(&'a Latency),
}

/// Takes the labels' values and the value of each series.
type Series<'a> = dyn FnMut(&[&str], Value) + 'a;

impl Metric {
    /// Passes the labels' values and the value of each series.
    pub fn each(&self, snapshot: &Snapshot, mut to: impl FnMut(&[&str], Value)) {
        (self.read)(snapshot, &mut to);
    }

    /// Returns the base unit, which the name ends with.
    pub fn unit(&self) -> Option<&'static str> {
        ["seconds", "bytes"]
            .into_iter()
            .find(|unit| self.name.strip_suffix(unit).is_some_and(|rest| rest.ends_with('_')))
    }

    /// Returns the name of its samples, or their common prefix.
    pub fn sample_name(&self) -> String {
        let end = if self.kind == Kind::Counter { "_total" } else { "" };
        format!("{}{end}", self.name)
    }
}

fn number(value: u64) -> Value<'static> {
    Value::Number(value as f64)
}

/// Passes a number of each agent.
fn each_agent(snapshot: &Snapshot, to: &mut Series, value: fn(&AgentFigures) -> u64) {
    for (name, figures) in &snapshot.agents {
        to(&[name], number(value(figures)));
    }
}

/// All metrics, in the order in which they are written.
pub const CATALOGUE: &[Metric] = &[
    Metric {
        name: "sandlab_messages",
        kind: Kind::Counter,
        labels: &["agent", "outcome"],
        help: "Messages from clients by outcome: answered, failed (a failure or a fault), refused \
               (mailbox full, or about to stop), timed-out (the client's timeout), abandoned (the \
               client went away), told (accepted, no reply wanted).",
        read: |snapshot, to| {
            for (name, figures) in &snapshot.agents {
                let outcomes = [
                    (Outcome::Answered, figures.answered),
                    (Outcome::Failed, figures.failed.values().sum()),
                    (Outcome::Refused, figures.refused),
                    (Outcome::TimedOut, figures.timed_out),
                    (Outcome::Abandoned, figures.abandoned),
                    (Outcome::Told, figures.told),
                ];
                outcomes
                    .into_iter()
                    .for_each(|(outcome, count)| to(&[name, outcome.name()], number(count)));
            }
        },
    },
    Metric {
        name: "sandlab_failures",
        kind: Kind::Counter,
        labels: &["agent", "reason"],
        help: "Messages from clients that failed, by the name of the agent's failure, or of the \
               fault that ended it.",
        read: |snapshot, to| {
            for (name, figures) in &snapshot.agents {
                figures
                    .failed
                    .iter()
                    .for_each(|(reason, count)| to(&[name, reason], number(*count)));
            }
        },
    },
    Metric {
        name: "sandlab_message_duration_seconds",
        kind: Kind::Histogram,
        labels: &["agent"],
        help: "Times from a message's arrival to its reply, of the answered.",
        read: |snapshot, to| {
            for (name, figures) in &snapshot.agents {
                to(&[name], Value::Times(&figures.latency));
            }
        },
    },
    Metric {
        name: "sandlab_messages_in_flight",
        kind: Kind::Gauge,
        labels: &["agent"],
        help: "Messages from clients that wait for a reply.",
        read: |snapshot, to| each_agent(snapshot, to, |figures| figures.in_flight),
    },
    Metric {
        name: "sandlab_queued_messages",
        kind: Kind::Gauge,
        labels: &["agent"],
        help: "Messages in mailboxes and in calls that can wait, from clients and agents.",
        read: |snapshot, to| each_agent(snapshot, to, |figures| figures.queued),
    },
    Metric {
        name: "sandlab_restarts",
        kind: Kind::Counter,
        labels: &["agent"],
        help: "Restarts of instances after faults.",
        read: |snapshot, to| each_agent(snapshot, to, |figures| figures.restarts),
    },
    Metric {
        name: "sandlab_instances",
        kind: Kind::Gauge,
        labels: &["agent"],
        help: "Instances that are alive, or wait for a restart.",
        read: |snapshot, to| each_agent(snapshot, to, |figures| figures.instances),
    },
    Metric {
        name: "sandlab_wanted_instances",
        kind: Kind::Gauge,
        labels: &["agent"],
        help: "Instances that the configuration asks for.",
        read: |snapshot, to| each_agent(snapshot, to, |figures| figures.wanted),
    },
    Metric {
        name: "sandlab_linear_memory_bytes",
        kind: Kind::Gauge,
        labels: &["agent"],
        help: "Linear memory of all instances; of one in a call that waits, before that call.",
        read: |snapshot, to| each_agent(snapshot, to, |figures| figures.linear_memory),
    },
    Metric {
        name: "sandlab_last_call_fuel",
        kind: Kind::Gauge,
        labels: &["agent"],
        help: "Fuel of the last call of each instance, as a sum; only with metering.",
        read: |snapshot, to| {
            for (name, figures) in &snapshot.agents {
                if let Some(fuel) = figures.fuel {
                    to(&[name], number(fuel));
                }
            }
        },
    },
    Metric {
        name: "sandlab_objective_budget_left_ratio",
        kind: Kind::Gauge,
        labels: &["objective"],
        help: "Share of the error budget of an objective's window that is left; negative when more \
               was spent than there was.",
        read: |snapshot, to| {
            for standing in &snapshot.objectives {
                if let Some(left) = standing.budget_left {
                    to(&[&standing.objective], Value::Number(left));
                }
            }
        },
    },
    Metric {
        name: "sandlab_objective_burn_rate",
        kind: Kind::Gauge,
        labels: &["objective", "window"],
        help: "How many times as fast as it may an objective's error budget is spent within the long \
               window of each alert.",
        read: |snapshot, to| {
            for standing in &snapshot.objectives {
                for burn in &standing.burns {
                    let window = humantime::format_duration(burn.long_window).to_string();
                    if let Some(rate) = burn.long {
                        to(&[&standing.objective, &window], Value::Number(rate));
                    }
                }
            }
        },
    },
    Metric {
        name: "sandlab_runtime_messages",
        kind: Kind::Counter,
        labels: &["end"],
        help: "All messages by their end, also those between agents: handled, failed, \
               dead-lettered, carried (to another host).",
        read: |snapshot, to| {
            let accounts = &snapshot.accounts;
            to(&["handled"], number(accounts.handled));
            to(&["failed"], number(accounts.failed));
            to(&["dead-lettered"], number(accounts.dead_lettered));
            to(&["carried"], number(accounts.carried));
        },
    },
    Metric {
        name: "sandlab_used_pool_slots",
        kind: Kind::Gauge,
        labels: &[],
        help: "Linear memories that instances have of the engines' pools.",
        read: |snapshot, to| to(&[], number(snapshot.process.pool_slots_used)),
    },
    Metric {
        name: "sandlab_pool_slots",
        kind: Kind::Gauge,
        labels: &[],
        help: "Linear memories that the engines' pools have.",
        read: |snapshot, to| to(&[], number(snapshot.process.pool_slots)),
    },
    Metric {
        name: "sandlab_loaded_components",
        kind: Kind::Counter,
        labels: &["from"],
        help: "Components that were loaded: from the cache of compiled components, or from the \
               compiler.",
        read: |snapshot, to| {
            to(&["cache"], number(snapshot.process.cache_hits));
            to(&["compiler"], number(snapshot.process.cache_misses));
        },
    },
    Metric {
        name: "sandlab_nats_connections",
        kind: Kind::Gauge,
        labels: &["state"],
        help: "Connections to NATS: connected, or waiting for a server.",
        read: |snapshot, to| {
            if let Some(nats) = &snapshot.nats {
                to(&["connected"], number(nats.connected as u64));
                to(&["waiting"], number(nats.open.saturating_sub(nats.connected) as u64));
            }
        },
    },
    Metric {
        name: "sandlab_nats_disconnects",
        kind: Kind::Counter,
        labels: &[],
        help: "How often a connection lost its NATS server.",
        read: |snapshot, to| snapshot.nats.iter().for_each(|nats| to(&[], number(nats.lost))),
    },
    Metric {
        name: "sandlab_nats_overflows",
        kind: Kind::Counter,
        labels: &[],
        help: "How often a message from NATS was dropped, since others before it were not taken.",
        read: |snapshot, to| snapshot.nats.iter().for_each(|nats| to(&[], number(nats.dropped))),
    },
    Metric {
        name: "sandlab_nats_messages",
        kind: Kind::Counter,
        labels: &["direction"],
        help: "Messages over NATS of any kind: received, sent.",
        read: |snapshot, to| {
            if let Some(nats) = &snapshot.nats {
                to(&["received"], number(nats.received));
                to(&["sent"], number(nats.sent));
            }
        },
    },
    Metric {
        name: "sandlab_otlp_spans",
        kind: Kind::Counter,
        labels: &["end"],
        help: "Spans of messages by their end: sent, dropped (no room to wait, or the collector did \
               not take them).",
        read: |snapshot, to| {
            if let Some(otlp) = &snapshot.otlp {
                to(&["sent"], number(otlp.sent));
                to(&["dropped"], number(otlp.dropped));
            }
        },
    },
    Metric {
        name: "sandlab_otlp_failed_requests",
        kind: Kind::Counter,
        labels: &["signal"],
        help: "Requests that the OpenTelemetry collector did not take, with: metrics, traces.",
        read: |snapshot, to| {
            if let Some(otlp) = &snapshot.otlp {
                to(&["metrics"], number(otlp.failed_metrics));
                to(&["traces"], number(otlp.failed_traces));
            }
        },
    },
    Metric {
        name: "sandlab_uptime_seconds",
        kind: Kind::Gauge,
        labels: &[],
        help: "Time since the host started.",
        read: |snapshot, to| to(&[], Value::Number(snapshot.uptime.as_secs_f64())),
    },
    Metric {
        name: "process_resident_memory_bytes",
        kind: Kind::Gauge,
        labels: &[],
        help: "Resident memory of the process.",
        read: |snapshot, to| {
            if let Some(bytes) = snapshot.process.resident_memory {
                to(&[], number(bytes));
            }
        },
    },
    Metric {
        name: "process_cpu_seconds",
        kind: Kind::Counter,
        labels: &[],
        help: "CPU time of all threads of the process.",
        read: |snapshot, to| {
            if let Some(cpu) = snapshot.process.cpu {
                to(&[], Value::Number(cpu.as_secs_f64()));
            }
        },
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_there_once_and_each_help_is_a_sentence() {
        for (index, metric) in CATALOGUE.iter().enumerate() {
            assert!(CATALOGUE[..index].iter().all(|other| other.name != metric.name));
            assert!(metric.help.ends_with('.'), "{}", metric.name);
            let is_ours =
                metric.name.starts_with("sandlab_") || metric.name.starts_with("process_");
            assert!(is_ours, "{}", metric.name);
        }
    }
}
