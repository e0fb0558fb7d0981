//! Ended spans as OTLP has them.

use super::resource::{attribute, nanos, scope, text};
use super::span::{Record, Route};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, SpanFlags, Status};
use prost::Message;

/// The flag of a trace that is kept.
const SAMPLED: u32 = 1;

/// The least status that is the server's fault.
const SERVER_ERROR: u16 = 500;

/// Returns the request with these spans.
pub fn request(records: &[Record], resource: &Resource) -> ExportTraceServiceRequest {
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource.clone()),
            scope_spans: vec![ScopeSpans {
                scope: Some(scope()),
                spans: records.iter().map(span).collect(),
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }],
    }
}

/// Returns the number of spans that the collector did not take of those that it was sent, and the
/// reason, as its response says.
pub fn rejected(response: &[u8]) -> (u64, String) {
    let response = ExportTraceServiceResponse::decode(response).unwrap_or_default();
    let partial = response.partial_success.unwrap_or_default();
    (u64::try_from(partial.rejected_spans).unwrap_or(0), partial.error_message)
}

fn span(record: &Record) -> Span {
    // The parent is never of this process.
    let remote = SpanFlags::ContextHasIsRemoteMask as u32 | SpanFlags::ContextIsRemoteMask as u32;
    Span {
        trace_id: record.trace.to_vec(),
        span_id: record.span.to_vec(),
        trace_state: record.state.clone(),
        parent_span_id: record.parent.map(|parent| parent.to_vec()).unwrap_or_default(),
        flags: SAMPLED | record.parent.map_or(0, |_| remote),
        name: record.route.name().to_owned(),
        kind: SpanKind::Server.into(),
        start_time_unix_nano: nanos(record.started),
        end_time_unix_nano: nanos(record.started + record.took),
        attributes: attributes(record),
        status: status(record),
        ..Span::default()
    }
}

impl Route {
    const fn name(self) -> &'static str {
        match self {
            Self::HttpAsk => "POST /agents/{name}",
            Self::HttpTell => "POST /agents/{name}/tell",
            Self::Nats => "nats message",
        }
    }

    const fn transport(self) -> &'static str {
        match self {
            Self::HttpAsk | Self::HttpTell => "http",
            Self::Nats => "nats",
        }
    }

    /// Returns the path of a request over HTTP; `None` of a message over NATS.
    fn path(self) -> Option<&'static str> {
        self.name().strip_prefix("POST ")
    }
}

/// Those that OpenTelemetry names have its names, for the tools that know them.
fn attributes(record: &Record) -> Vec<KeyValue> {
    let mut attributes = vec![
        text("sandlab.agent", &record.agent),
        text("sandlab.transport", record.route.transport()),
    ];
    if let Some(outcome) = record.end.outcome {
        attributes.push(text("sandlab.outcome", outcome.name()));
    }
    let status_key = match record.route.path() {
        Some(path) => {
            attributes.extend([text("http.request.method", "POST"), text("http.route", path)]);
            "http.response.status_code"
        }
        None => {
            attributes.push(text("messaging.system", "nats"));
            "sandlab.status_code"
        }
    };
    if let Some(status) = record.end.status {
        attributes.push(attribute(status_key, Value::IntValue(status.into())));
    }
    if let Some((reason, _)) = &record.end.error {
        attributes.push(text("error.type", reason));
    }
    attributes
}

/// As OpenTelemetry has it for servers: what is the client's fault is no error here.
fn status(record: &Record) -> Option<Status> {
    let (_, why) = record.end.error.as_ref()?;
    let is_error = record.end.status.is_some_and(|status| status >= SERVER_ERROR);
    is_error.then(|| Status { message: why.clone(), code: StatusCode::Error.into() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Outcome;
    use crate::otlp::End;
    use crate::otlp::span::tests::record;
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTracePartialSuccess;

    #[test]
    fn a_fault_is_an_error_and_a_wrong_request_is_none() {
        let of = |status, reason: &str| {
            let end = End::badly(Some(Outcome::Failed), status, reason, "oh");
            span(&Record { end, route: Route::HttpAsk, ..record() })
        };
        let fault = of(502, "panic");
        assert_eq!(fault.status.unwrap(), Status { message: "oh".to_owned(), code: 2 });
        assert!(fault.attributes.contains(&text("error.type", "panic")));
        let status = attribute("http.response.status_code", Value::IntValue(502));
        assert!(fault.attributes.contains(&status));
        let wrong = of(422, "not-understood");
        assert_eq!(wrong.status, None);
        assert!(wrong.attributes.contains(&text("sandlab.outcome", "failed")));
    }

    #[test]
    fn what_the_collector_left_out_is_read() {
        let partial_success =
            Some(ExportTracePartialSuccess { rejected_spans: 3, error_message: "old".to_owned() });
        let response = ExportTraceServiceResponse { partial_success };
        assert_eq!(rejected(&response.encode_to_vec()), (3, "old".to_owned()));
        assert_eq!(rejected(b""), (0, String::new()));
        assert_eq!(rejected(b"<html>"), (0, String::new()));
    }
}
