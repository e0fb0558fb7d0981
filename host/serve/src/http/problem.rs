//! Responses that say why a request was not answered, as RFC 9457 has them.

use crate::host::{AskError, Outcome, reason};
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use sandlab_runtime::Failure;
use sandlab_runtime::messaging::DeliveryError;
use serde::Serialize;

/// The reason of a host that is about to stop.
pub const DRAINING: &str = "draining";

/// The reason of a connection on which no certificate was shown, since none was asked for then.
pub const NO_CERTIFICATE: &str = "no-certificate";

/// The reason that a request was not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    /// For programs: `mailbox-full`, or the name of the fault.
    reason: &'static str,
    /// For people.
    detail: String,
    /// Set if the same request can succeed a second later.
    is_passing: bool,
    /// The outcome that the message is counted with; `None` if it did not reach an agent.
    outcome: Option<Outcome>,
}

#[derive(Serialize)]
struct Document<'a> {
    title: &'a str,
    status: u16,
    reason: &'a str,
    detail: &'a str,
}

impl Problem {
    /// Returns a problem that stays until the request is another.
    pub fn new(status: StatusCode, reason: &'static str, detail: impl Into<String>) -> Self {
        Self { status, reason, detail: detail.into(), is_passing: false, outcome: None }
    }

    /// Returns a problem that passes: the client is asked to send the request again.
    pub fn passing(status: StatusCode, reason: &'static str, detail: impl Into<String>) -> Self {
        Self { is_passing: true, ..Self::new(status, reason, detail) }
    }
}

impl Problem {
    /// Returns the status code.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Returns the reason, for programs.
    pub fn reason(&self) -> &'static str {
        self.reason
    }

    /// Returns the reason, for people.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Returns the outcome that the message is counted with; `None` if it did not reach an agent.
    pub fn outcome(&self) -> Option<Outcome> {
        self.outcome
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let document = Document {
            title: self.status.canonical_reason().unwrap_or_default(),
            status: self.status.as_u16(),
            reason: self.reason,
            detail: &self.detail,
        };
        // Neither keys that are no text nor a writer that fails: there is nothing to go wrong.
        let mut response =
            Response::new(Body::from(serde_json::to_vec(&document).unwrap_or_default()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if [DRAINING, NO_CERTIFICATE].contains(&self.reason) {
            // The client's next connection is to another host, or shows a certificate. HTTP/2 has no
            // such header, and hyper leaves it out there.
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        if self.is_passing {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

impl From<AskError> for Problem {
    fn from(error: AskError) -> Self {
        let (reason, detail, outcome) = (reason(&error), error.to_string(), error.outcome());
        let problem = match error {
            AskError::Unknown(_) => Self::new(StatusCode::NOT_FOUND, reason, detail),
            AskError::Draining => Self::passing(StatusCode::SERVICE_UNAVAILABLE, reason, detail),
            AskError::TooLarge { .. } => Self::new(StatusCode::BAD_GATEWAY, reason, detail),
            AskError::Delivery(error) => undelivered(&error, reason, detail),
        };
        Self { outcome, ..problem }
    }
}

fn undelivered(error: &DeliveryError, reason: &'static str, detail: String) -> Problem {
    match error {
        DeliveryError::MailboxFull => {
            Problem::passing(StatusCode::TOO_MANY_REQUESTS, reason, detail)
        }
        DeliveryError::TimedOut(_) => Problem::new(StatusCode::GATEWAY_TIMEOUT, reason, detail),
        DeliveryError::Failed(Failure::NotUnderstood(_)) => {
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, reason, detail)
        }
        DeliveryError::Failed(Failure::Refused(_)) => {
            Problem::new(StatusCode::FORBIDDEN, reason, detail)
        }
        DeliveryError::Failed(Failure::Unavailable(_)) => {
            Problem::passing(StatusCode::SERVICE_UNAVAILABLE, reason, detail)
        }
        DeliveryError::NoSuchAgent | DeliveryError::Stopped | DeliveryError::ShutDown => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, reason, detail)
        }
        DeliveryError::Failed(_) | DeliveryError::Ended(_) | DeliveryError::TooManyHops => {
            Problem::new(StatusCode::BAD_GATEWAY, reason, detail)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sandlab_runtime::Cause;
    use std::time::Duration;

    #[test]
    fn each_reason_has_its_status() {
        let ended = DeliveryError::Ended(Cause::Panic("oh".to_owned()).into());
        let unavailable = DeliveryError::Failed(Failure::Unavailable("busy".to_owned()));
        let expected = [
            (AskError::Unknown("a".to_owned()), 404, "unknown-agent", false),
            (AskError::Draining, 503, DRAINING, true),
            (AskError::TooLarge { bytes: 2, most: 1 }, 502, "reply-too-large", false),
            (DeliveryError::MailboxFull.into(), 429, "mailbox-full", true),
            (DeliveryError::TimedOut(Duration::ZERO).into(), 504, "timed-out", false),
            (DeliveryError::Stopped.into(), 503, "stopped", false),
            (ended.into(), 502, "panic", false),
            (unavailable.into(), 503, "unavailable", true),
        ];
        for (error, status, reason, is_passing) in expected {
            let problem = Problem::from(error);
            assert_eq!((problem.status.as_u16(), problem.reason), (status, reason));
            let response = problem.into_response();
            assert_eq!(response.headers().contains_key(RETRY_AFTER), is_passing, "{reason}");
            let closes = response.headers().contains_key(CONNECTION);
            assert_eq!(closes, reason == DRAINING, "{reason}");
        }
    }
}
