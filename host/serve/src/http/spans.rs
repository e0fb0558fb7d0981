//! Spans of messages over HTTP.

use super::Problem;
use crate::Host;
use crate::host::Outcome;
use crate::otlp::{End, Route, Span};
use axum::response::Response;
use http::HeaderMap;

/// Begins the span of a request; `None` if it gets none.
pub fn begin(host: &Host, route: Route, agent: &str, headers: &HeaderMap) -> Option<Span> {
    let values = |name| headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    host.tracer()?.begin(route, agent, values("traceparent"), values("tracestate"))
}

/// Ends the span of a request, if there is one, as the response says.
pub fn end(span: Option<Span>, done: Outcome, response: &Result<Response, Problem>) {
    let Some(span) = span else { return };
    span.end(match response {
        Ok(response) => End::well(done, Some(response.status().as_u16())),
        Err(problem) => {
            let status = problem.status().as_u16();
            End::badly(problem.outcome(), status, problem.reason(), problem.detail())
        }
    });
}
