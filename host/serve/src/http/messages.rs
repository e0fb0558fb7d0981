//! Messages to agents.

use super::{App, Problem, replies, spans};
use crate::config::Limits;
use crate::host::{self, Outcome};
use crate::otlp::Route;
use axum::body::Body;
use axum::extract::{FromRequestParts, Path, Request, State};
use axum::response::{IntoResponse, Response};
use http::header::{ACCEPT, CONTENT_LENGTH};
use http::request::Parts;
use http::{HeaderMap, HeaderName, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use sandlab_runtime::{Performative, span};
use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::SemaphorePermit;

/// The media type of server-sent events.
pub const EVENT_STREAM: &str = "text/event-stream";

/// The conversation of a message, and of a reply.
pub const CONVERSATION: HeaderName = HeaderName::from_static("sandlab-conversation");

/// The performative of a message, and of a reply.
pub const PERFORMATIVE: HeaderName = HeaderName::from_static("sandlab-performative");

/// The longest time until the reply.
const TIMEOUT: HeaderName = HeaderName::from_static("sandlab-timeout");

/// Asks an agent.
pub async fn ask(
    State(app): State<Arc<App>>,
    Named(agent): Named,
    request: Request,
) -> Result<Response, Problem> {
    let span = spans::begin(&app.host, Route::HttpAsk, &agent, request.headers());
    let response = answer(&app, &agent, request).await;
    spans::end(span, Outcome::Answered, &response);
    response
}

async fn answer(app: &App, agent: &str, request: Request) -> Result<Response, Problem> {
    let _permit = permit(app)?;
    let accepts_events = accepts_events(request.headers());
    let message = read(&app.limits, request, Performative::Request).await?;
    let replies = app.host.ask(agent, message).await?;
    Ok(match accepts_events {
        true => replies::events(&replies),
        false => replies::first(replies),
    })
}

/// Tells an agent.
pub async fn tell(
    State(app): State<Arc<App>>,
    Named(agent): Named,
    request: Request,
) -> Result<Response, Problem> {
    let span = spans::begin(&app.host, Route::HttpTell, &agent, request.headers());
    let response = accept(&app, &agent, request).await;
    spans::end(span, Outcome::Told, &response);
    response
}

async fn accept(app: &App, agent: &str, request: Request) -> Result<Response, Problem> {
    let _permit = permit(app)?;
    let message = read(&app.limits, request, Performative::Inform).await?;
    app.host.tell(agent, message).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

fn permit(app: &App) -> Result<SemaphorePermit<'_>, Problem> {
    app.requests.try_acquire().map_err(|_| {
        let detail = format!(
            "{} requests are in progress, as many as `limits.requests` allows",
            app.limits.requests
        );
        Problem::passing(StatusCode::SERVICE_UNAVAILABLE, "overloaded", detail)
    })
}

/// The agent that a path names.
pub struct Named(String);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        // The only error of the client is a name that is no UTF-8.
        let named: Result<Path<String>, _> = Path::from_request_parts(parts, state).await;
        named.map(|Path(agent)| Self(agent)).map_err(|_| {
            let detail = "the name in the path is not UTF-8, as an agent's is";
            Problem::new(StatusCode::NOT_FOUND, "unknown-agent", detail)
        })
    }
}

fn accepts_events(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT).iter().filter_map(|accepted| accepted.to_str().ok());
    accepted.flat_map(|accepted| accepted.split(',')).any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let is_events = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case(EVENT_STREAM));
        // With a weight of zero it is what the client does not take.
        let is_refused = |part: &str| {
            let weight = part.strip_prefix("q=").or_else(|| part.strip_prefix("Q="));
            weight.is_some_and(|weight| weight.parse() == Ok(0.0))
        };
        is_events && !parts.any(is_refused)
    })
}

/// Reads a message from a request.
async fn read(
    limits: &Limits,
    request: Request,
    performative: Performative,
) -> Result<host::Request, Problem> {
    let (parts, body) = request.into_parts();
    let headers = &parts.headers;
    let timeout = parsed(headers, &TIMEOUT, humantime::parse_duration)?;
    let timeout = timeout.unwrap_or(limits.timeout);
    if timeout.is_zero() {
        let detail = format!("{TIMEOUT} is zero, so that no reply would be in time");
        return Err(Problem::new(StatusCode::BAD_REQUEST, "bad-header", detail));
    }
    if timeout > limits.longest_timeout {
        let longest = span(limits.longest_timeout);
        let detail =
            format!("{TIMEOUT} is longer than {longest}, the longest that this host takes");
        return Err(Problem::new(StatusCode::BAD_REQUEST, "bad-header", detail));
    }
    Ok(host::Request {
        performative: parsed(headers, &PERFORMATIVE, Performative::from_str)?
            .unwrap_or(performative),
        conversation: parsed(headers, &CONVERSATION, u64::from_str)?,
        timeout,
        content: content(limits, headers, body).await?,
    })
}

/// Returns the value of a header; `None` if it is not there.
fn parsed<T, E: Display>(
    headers: &HeaderMap,
    name: &HeaderName,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<Option<T>, Problem> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let bad = |why: &dyn Display| {
        Problem::new(StatusCode::BAD_REQUEST, "bad-header", format!("{name}: {why}"))
    };
    if values.next().is_some() {
        return Err(bad(&"it is there more than once"));
    }
    let text = value.to_str().map_err(|error| bad(&error))?;
    parse(text).map(Some).map_err(|error| bad(&error))
}

async fn content(limits: &Limits, headers: &HeaderMap, body: Body) -> Result<Vec<u8>, Problem> {
    let most = limits.body.as_u64();
    let too_large = || {
        let detail = format!("the body is larger than {}, this host's `limits.body`", limits.body);
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", detail)
    };
    // Refused before it is sent, where the client says how large it is.
    let stated = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if stated.is_some_and(|length: u64| length > most) {
        return Err(too_large());
    }
    let body = Limited::new(body, usize::try_from(most).unwrap_or(usize::MAX)).collect();
    match in_time(limits.body_time, body).await? {
        Ok(body) => Ok(body.to_bytes().into()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
        Err(error) => {
            let detail = format!("the body did not arrive: {error}");
            Err(Problem::new(StatusCode::BAD_REQUEST, "bad-body", detail))
        }
    }
}

async fn in_time<T>(time: Duration, body: impl Future<Output = T>) -> Result<T, Problem> {
    tokio::time::timeout(time, body).await.map_err(|_| {
        let detail = format!("the body did not arrive within {}", span(time));
        Problem::new(StatusCode::REQUEST_TIMEOUT, "slow-body", detail)
    })
}
