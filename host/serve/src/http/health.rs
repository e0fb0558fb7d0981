//! Health checks: the host answers, and the host takes messages.

use super::{App, Problem};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use std::sync::Arc;

pub async fn healthy() -> &'static str {
    "ok\n"
}

/// Says whether a load balancer should send messages here.
pub async fn ready(State(app): State<Arc<App>>) -> Result<&'static str, Problem> {
    let not_ready = |reason, detail: String| {
        Err(Problem::passing(StatusCode::SERVICE_UNAVAILABLE, reason, detail))
    };
    if app.host.is_draining() {
        return not_ready("draining", "the host is about to stop".to_owned());
    }
    let down = app.host.down().into_iter();
    let down = down.map(|(name, (alive, wanted))| format!("{name} ({alive} of {wanted})"));
    let down: Vec<_> = down.collect();
    match down.is_empty() {
        true => Ok("ready\n"),
        false => not_ready(
            "agents-down",
            format!(
                "instances ended and are not restarted any more: {}; a changed configuration or \
                 component starts them again",
                down.join(", ")
            ),
        ),
    }
}

/// Lists the agents.
pub async fn agents(State(app): State<Arc<App>>) -> Response {
    // Neither keys that are no text nor a writer that fails: there is nothing to go wrong.
    let names = serde_json::to_vec(&app.host.names()).unwrap_or_default();
    ([(CONTENT_TYPE, "application/json")], names).into_response()
}
