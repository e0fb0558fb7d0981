//! Alerts that are posted to a URL.

use super::{Alert, Channel};
use std::time::Duration;
use ureq::Agent;

/// The longest time that the other side takes.
const TIME: Duration = Duration::from_secs(10);

/// A URL that each alert is posted to.
pub(super) struct Webhook {
    url: String,
    client: Agent,
}

impl Webhook {
    pub(super) fn new(url: &str) -> Self {
        Self { url: url.to_owned(), client: client() }
    }
}

impl Channel for Webhook {
    fn send(&mut self, alerts: &[Alert]) -> Result<(), String> {
        alerts.iter().try_for_each(|alert| {
            let body = serde_json::to_vec(alert).map_err(|error| error.to_string())?;
            post(&self.client, &self.url, &body)
        })
    }
}

/// Returns a client that does not wait forever.
pub(super) fn client() -> Agent {
    let config = Agent::config_builder().timeout_global(Some(TIME)).http_status_as_error(false);
    // A redirect is mostly followed with a GET, which tells nobody anything.
    config.max_redirects(0).build().into()
}

/// Posts JSON, and waits until it is accepted.
///
/// # Errors
/// If the other side cannot be reached, or answers with a status that is no success.
pub(super) fn post(client: &Agent, url: &str, body: &[u8]) -> Result<(), String> {
    let sent = client.post(url).content_type("application/json").send(body);
    let status = sent.map_err(|error| error.to_string())?.status();
    match status {
        status if status.is_success() => Ok(()),
        status if status.is_redirection() => {
            Err(format!("it answers {status}: give the address that it leads to"))
        }
        status => Err(format!("it answers {status}")),
    }
}
