//! The dashboard: a page, and the server-sent events that it draws.

mod frame;

use crate::http::{App, event, stream};
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use frame::Frame;
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http_body_util::channel::Channel;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// The time between two events.
const INTERVAL: Duration = Duration::from_secs(1);

/// The page is whole, and reads nothing but its events.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
                      connect-src 'self'; img-src data:; frame-ancestors 'none'";

/// Returns the page. It has no figures, so that it can ask for the token that they need.
pub async fn page() -> Response {
    let headers = [(CONTENT_TYPE, "text/html; charset=utf-8"), (CONTENT_SECURITY_POLICY, POLICY)];
    (headers, include_str!("dashboard/page.html")).into_response()
}

/// Returns what the page draws, every second until the host drains.
pub async fn events(State(app): State<Arc<App>>) -> Response {
    // Of a client that reads too slowly, the next event waits.
    let (mut sender, body) = Channel::<_, std::convert::Infallible>::new(1);
    let host = app.host.clone();
    tokio::spawn(async move {
        let mut draining = host.watch_draining();
        let mut ticks = interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                _ = draining.wait_for(|draining| *draining) => return,
            }
            let frame = Frame::of(&host.snapshot().await);
            if sender.send_data(event("frame", &frame).into()).await.is_err() {
                return;
            }
        }
    });
    stream(Body::new::<Channel<axum::body::Bytes, _>>(body))
}
