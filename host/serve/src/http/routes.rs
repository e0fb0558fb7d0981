//! The routes of the HTTP server.

use super::{Access, Problem, health, messages};
use crate::config::Limits;
use crate::host::Host;
use crate::{dashboard, metrics};
use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::StatusCode;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::Semaphore;

/// The state that requests are answered from.
pub struct App {
    /// The agents.
    pub host: Host,
    /// Limits on clients.
    pub limits: Limits,
    /// A permit for each request that may be in progress.
    pub(super) requests: Semaphore,
    access: RwLock<Arc<Access>>,
}

impl App {
    /// Returns the state that requests to a host are answered from.
    pub fn new(host: Host, limits: Limits, access: Access) -> Arc<Self> {
        let requests = Semaphore::new(limits.requests.min(Semaphore::MAX_PERMITS));
        Arc::new(Self { host, limits, requests, access: RwLock::new(Arc::new(access)) })
    }

    /// Replaces the token and the certificates, for requests and connections from now on.
    pub fn set_access(&self, access: Access) {
        *self.access.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(access);
    }

    pub(super) fn access(&self) -> Arc<Access> {
        self.access.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Returns the routes.
pub fn router(app: Arc<App>) -> Router {
    let guarded = Router::new()
        .route("/agents", get(health::agents))
        .route("/agents/{name}", post(messages::ask))
        .route("/agents/{name}/tell", post(messages::tell))
        .route("/metrics", get(metrics::respond))
        .route("/events", get(dashboard::events))
        .layer(from_fn_with_state(app.clone(), check_access));
    guarded
        .route("/", get(dashboard::page))
        .route("/healthz", get(health::healthy))
        .route("/readyz", get(health::ready))
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .with_state(app)
}

async fn check_access(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let shown = request.extensions().get();
    match app.access().check(request.uri(), request.headers(), shown) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

async fn unknown() -> Problem {
    let detail = "there are /, /agents, /agents/NAME, /agents/NAME/tell, /events, /healthz, \
                  /metrics and /readyz";
    Problem::new(StatusCode::NOT_FOUND, "unknown-path", detail)
}

async fn wrong_method() -> Problem {
    let detail = "messages are sent with POST; everything else is read with GET";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "wrong-method", detail)
}
