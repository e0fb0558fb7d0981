//! Metrics for Prometheus, from a [`Snapshot`](crate::Snapshot).

mod catalogue;
mod text;

pub use catalogue::{CATALOGUE, Kind, Metric, Value};
pub use text::{Format, write};

use crate::http::App;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use http::header::{ACCEPT, CONTENT_TYPE};
use std::sync::Arc;

/// Returns the metrics of a host, in the format that the client prefers.
pub async fn respond(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let accepted = headers.get(ACCEPT).and_then(|accepted| accepted.to_str().ok());
    let format = Format::accepted(accepted.unwrap_or_default());
    let text = write(&app.host.snapshot().await, format);
    ([(CONTENT_TYPE, format.content_type())], text).into_response()
}
