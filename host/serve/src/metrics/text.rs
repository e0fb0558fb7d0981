//! Metrics as text: OpenMetrics 1.0, and Prometheus's own format for those who read no other.

use super::catalogue::{CATALOGUE, Kind, Metric, Value};
use crate::snapshot::{Latency, Snapshot};
use std::fmt::Write;

/// A text format of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// Prometheus's text format 0.0.4.
    Prometheus,
}

impl Format {
    /// Returns the format for a client that accepts these media types.
    pub fn accepted(types: &str) -> Self {
        match types.contains("application/openmetrics-text") {
            true => Self::OpenMetrics,
            false => Self::Prometheus,
        }
    }

    /// Returns the media type.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// Returns all metrics of a snapshot.
pub fn write(snapshot: &Snapshot, format: Format) -> String {
    let mut text = String::new();
    for metric in CATALOGUE {
        // Nothing that is written to a string fails.
        let _ = family(&mut text, metric, snapshot, format);
    }
    if format == Format::OpenMetrics {
        text += "# EOF\n";
    }
    text
}

fn family(
    text: &mut String,
    metric: &Metric,
    snapshot: &Snapshot,
    format: Format,
) -> std::fmt::Result {
    let sample = metric.sample_name();
    // OpenMetrics names a counter without its end.
    let name = if format == Format::OpenMetrics { metric.name } else { &sample };
    writeln!(text, "# HELP {name} {}", metric.help)?;
    writeln!(text, "# TYPE {name} {}", metric.kind.name())?;
    if let Some(unit) = metric.unit().filter(|_| format == Format::OpenMetrics) {
        writeln!(text, "# UNIT {name} {unit}")?;
    }
    let mut written = Ok(());
    metric.each(snapshot, |values, value| {
        let labels = labels(metric.labels, values);
        written = written.and(match value {
            Value::Number(number) => writeln!(text, "{sample}{} {number}", braced(&labels)),
            Value::Times(latency) => histogram(text, metric.name, &labels, latency),
        });
    });
    debug_assert!(metric.kind != Kind::Histogram || metric.unit() == Some("seconds"));
    written
}

fn histogram(text: &mut String, name: &str, labels: &str, latency: &Latency) -> std::fmt::Result {
    let mut below = 0;
    let bounds = latency.bounds.iter().map(|bound| bound.as_secs_f64().to_string());
    for (bound, count) in bounds.chain(["+Inf".to_owned()]).zip(&latency.counts) {
        below += count;
        writeln!(text, "{name}_bucket{{{labels},le=\"{bound}\"}} {below}")?;
    }
    writeln!(text, "{name}_sum{{{labels}}} {}", latency.sum.as_secs_f64())?;
    writeln!(text, "{name}_count{{{labels}}} {below}")
}

fn labels(names: &[&str], values: &[&str]) -> String {
    let escaped =
        |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let pairs = names.iter().zip(values);
    let pairs: Vec<_> =
        pairs.map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
    pairs.join(",")
}

fn braced(labels: &str) -> String {
    if labels.is_empty() { String::new() } else { format!("{{{labels}}}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::AgentFigures;
    use std::collections::BTreeMap;
    use std::time::Duration;

    fn snapshot() -> Snapshot {
        let latency = Latency {
            bounds: vec![Duration::from_millis(1), Duration::from_secs(1)],
            counts: vec![3, 0, 1],
            sum: Duration::from_millis(2_500),
        };
        let failed = BTreeMap::from([("panic".to_owned(), 2)]);
        let figures = AgentFigures { answered: 4, failed, latency, ..AgentFigures::default() };
        Snapshot { agents: BTreeMap::from([("a".to_owned(), figures)]), ..Snapshot::default() }
    }

    #[test]
    fn both_formats_have_the_same_samples_under_the_names_that_each_asks_for() {
        let open = write(&snapshot(), Format::OpenMetrics);
        let classic = write(&snapshot(), Format::Prometheus);
        let samples = |text: &str| {
            let lines = text.lines().filter(|line| !line.starts_with('#'));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(samples(&open), samples(&classic));
        assert!(open.contains("# TYPE sandlab_messages counter\n"));
        assert!(open.contains("# UNIT sandlab_message_duration_seconds seconds\n"));
        assert!(open.ends_with("# EOF\n"));
        assert!(classic.contains("# TYPE sandlab_messages_total counter\n"));
        for sample in [
            "sandlab_messages_total{agent=\"a\",outcome=\"answered\"} 4",
            "sandlab_failures_total{agent=\"a\",reason=\"panic\"} 2",
            "sandlab_message_duration_seconds_bucket{agent=\"a\",le=\"0.001\"} 3",
            "sandlab_message_duration_seconds_bucket{agent=\"a\",le=\"+Inf\"} 4",
            "sandlab_message_duration_seconds_sum{agent=\"a\"} 2.5",
            "sandlab_message_duration_seconds_count{agent=\"a\"} 4",
            "sandlab_pool_slots 0",
        ] {
            assert!(samples(&open).contains(&sample.to_owned()), "{sample}\n{open}");
        }
    }

    #[test]
    fn labels_are_escaped() {
        assert_eq!(labels(&["a"], &["x\"\\\ny"]), r#"a="x\"\\\ny""#);
    }
}
