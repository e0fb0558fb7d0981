//! Messages to a deployed agent over HTTP.

use super::accounts::{End, Tally};
use super::site::Site;
use super::{GRACE, failure};
use crate::sampling::exchange::Link;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use sandlab_runtime::{CallError, Handled, Message};
use std::time::Duration;
use tokio::time::timeout;

/// Sends a message, and waits for its response.
pub(super) async fn exchange(
    link: &mut Link,
    (site, agent): (&Site, &str),
    deadline: Duration,
    tally: &Tally,
    message: &Message,
) -> Result<Handled, CallError> {
    let request = request(site, agent, deadline, message).map_err(|why| failure(&why))?;
    tally.sent();
    // The host is told the deadline too, and says itself that it has passed.
    let response = match timeout(deadline + GRACE, link.exchange(request)).await {
        Ok(Ok(response)) => response,
        Ok(Err(why)) => {
            tally.end(End::Lost);
            return Err(failure(&format!("no response: {why}")));
        }
        Err(_) => {
            // A response that comes after all must not be the next one's.
            *link = site.link();
            tally.end(End::Lost);
            return Err(failure("no response, long after the deadline"));
        }
    };
    let reason = reason(&response);
    tally.end(End::of(response.status(), &reason));
    if response.status() != StatusCode::OK {
        return Err(failure(&format!("{}: {reason}", response.status())));
    }
    Ok(super::handled(message, [response.into_body()]))
}

fn request(
    site: &Site,
    agent: &str,
    deadline: Duration,
    message: &Message,
) -> Result<Request<Full<Bytes>>, String> {
    let request = site
        .headed(Request::post(format!("/agents/{agent}")))
        .header("sandlab-performative", message.performative.name())
        .header("sandlab-timeout", format!("{}ms", deadline.as_millis().max(1)));
    let body = Full::new(Bytes::copy_from_slice(&message.content));
    request.body(body).map_err(|error| error.to_string())
}

/// Returns the reason that a problem's document has for programs; nothing of a reply.
fn reason(response: &Response<Bytes>) -> String {
    #[derive(serde::Deserialize)]
    struct Problem {
        reason: String,
    }
    let problem = (response.status() != StatusCode::OK)
        .then(|| serde_json::from_slice::<Problem>(response.body()).ok());
    problem.flatten().map(|problem| problem.reason).unwrap_or_default()
}
