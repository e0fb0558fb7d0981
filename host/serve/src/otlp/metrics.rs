//! A snapshot as OTLP has metrics: all of the catalogue, under the names that `/metrics` has.

use super::resource::{nanos, scope, text};
use super::starts::Starts;
use crate::metrics::{self, CATALOGUE, Kind, Value};
use crate::snapshot::{Latency, Snapshot};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint,
    ResourceMetrics, ScopeMetrics, Sum, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use std::time::SystemTime;

/// Returns the request with all metrics of a snapshot that was taken now.
pub fn request(
    snapshot: &Snapshot,
    resource: &Resource,
    starts: &mut Starts,
    now: SystemTime,
) -> ExportMetricsServiceRequest {
    let now = nanos(now);
    let metrics = CATALOGUE.iter().filter_map(|metric| of(metric, snapshot, starts, now)).collect();
    starts.pushed(now);
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(resource.clone()),
            scope_metrics: vec![ScopeMetrics {
                scope: Some(scope()),
                metrics,
                ..ScopeMetrics::default()
            }],
            ..ResourceMetrics::default()
        }],
    }
}

/// Returns a metric; `None` if it has no series.
fn of(
    metric: &metrics::Metric,
    snapshot: &Snapshot,
    starts: &mut Starts,
    now: u64,
) -> Option<Metric> {
    let (mut numbers, mut histograms) = (Vec::new(), Vec::new());
    metric.each(snapshot, |values, value| {
        let labels = metric.labels.iter().zip(values);
        let attributes = labels.map(|(name, value)| text(name, value)).collect();
        // No value of a label has a line break.
        let series = || format!("{}\n{}", metric.name, values.join("\n"));
        match value {
            Value::Number(value) => {
                // A gauge's value is of one moment.
                let is_counter = metric.kind == Kind::Counter;
                let start = if is_counter { starts.of(series(), value) } else { 0 };
                numbers.push(number(attributes, value, (start, now)));
            }
            Value::Times(latency) => {
                let start = starts.of(series(), latency.counts.iter().sum::<u64>() as f64);
                histograms.push(histogram(attributes, latency, (start, now)));
            }
        }
    });
    if numbers.is_empty() && histograms.is_empty() {
        return None;
    }
    let aggregation_temporality = AggregationTemporality::Cumulative.into();
    let data = match metric.kind {
        Kind::Counter => {
            Data::Sum(Sum { data_points: numbers, aggregation_temporality, is_monotonic: true })
        }
        Kind::Gauge => Data::Gauge(Gauge { data_points: numbers }),
        Kind::Histogram => {
            Data::Histogram(Histogram { data_points: histograms, aggregation_temporality })
        }
    };
    Some(Metric {
        name: metric.sample_name(),
        description: metric.help.to_owned(),
        // As UCUM has it.
        unit: match metric.unit() {
            Some("seconds") => "s",
            Some("bytes") => "By",
            _ => "",
        }
        .to_owned(),
        data: Some(data),
        ..Metric::default()
    })
}

fn number(attributes: Vec<KeyValue>, value: f64, (start, now): (u64, u64)) -> NumberDataPoint {
    NumberDataPoint {
        attributes,
        start_time_unix_nano: start,
        time_unix_nano: now,
        value: Some(number_data_point::Value::AsDouble(value)),
        ..NumberDataPoint::default()
    }
}

fn histogram(
    attributes: Vec<KeyValue>,
    latency: &Latency,
    (start, now): (u64, u64),
) -> HistogramDataPoint {
    HistogramDataPoint {
        attributes,
        start_time_unix_nano: start,
        time_unix_nano: now,
        count: latency.counts.iter().sum(),
        sum: Some(latency.sum.as_secs_f64()),
        bucket_counts: latency.counts.clone(),
        explicit_bounds: latency.bounds.iter().map(|bound| bound.as_secs_f64()).collect(),
        ..HistogramDataPoint::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::AgentFigures;
    use std::collections::BTreeMap;
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn each_kind_is_as_otlp_has_it_and_what_has_no_series_is_left_out() {
        let latency = Latency {
            bounds: vec![Duration::from_millis(1), Duration::from_secs(1)],
            counts: vec![3, 0, 1],
            sum: Duration::from_millis(2_500),
        };
        let figures = AgentFigures { answered: 4, latency, ..AgentFigures::default() };
        let agents = BTreeMap::from([("a".to_owned(), figures)]);
        let snapshot = Snapshot { agents, ..Snapshot::default() };
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        let request = request(&snapshot, &Resource::default(), &mut Starts::new(at(1)), at(3));
        let metrics = &request.resource_metrics[0].scope_metrics[0].metrics;
        let data = |name: &str| {
            let metric = metrics.iter().find(|metric| metric.name == name);
            metric.map(|metric| (metric.unit.as_str(), metric.data.clone().unwrap()))
        };
        let Some(("", Data::Sum(sum))) = data("sandlab_messages_total") else { panic!() };
        assert!(sum.is_monotonic && sum.aggregation_temporality == 2);
        assert_eq!(sum.data_points[0].start_time_unix_nano, 1_000_000_000);
        assert_eq!(sum.data_points[0].time_unix_nano, 3_000_000_000);
        let expected = [text("agent", "a"), text("outcome", "answered")];
        assert_eq!(sum.data_points[0].attributes, expected);
        let Some(("s", Data::Histogram(times))) = data("sandlab_message_duration_seconds") else {
            panic!()
        };
        let point = &times.data_points[0];
        assert_eq!((point.count, point.sum), (4, Some(2.5)));
        assert_eq!(
            (&point.bucket_counts[..], &point.explicit_bounds[..]),
            (&[3, 0, 1][..], &[0.001, 1.0][..])
        );
        let Some(("By", Data::Gauge(_))) = data("sandlab_linear_memory_bytes") else { panic!() };
        assert!(data("sandlab_nats_messages_total").is_none());
    }
}
