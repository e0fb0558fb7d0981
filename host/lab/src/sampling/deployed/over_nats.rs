//! Messages to a deployed agent over NATS.

use super::accounts::{End, Tally};
use super::{GRACE, failure};
use http::StatusCode;
use sandlab_runtime::{CallError, Handled, Message};
use sandlab_serve::Request;
use sandlab_serve::nats::{Connections, Remote, RemoteError, Settings};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

/// A connection to a NATS server, which all instances share, and the thread that drives it.
pub(super) struct Nats {
    remote: Remote,
    runtime: Option<Runtime>,
}

impl Nats {
    /// Connects.
    ///
    /// # Errors
    /// If no server can be reached; the text has the reason.
    pub(super) fn open(settings: &Settings) -> Result<Self, String> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(|error| format!("a runtime: {error}"))?;
        let remote = runtime.block_on(async {
            let connections = Connections::open(settings).await?;
            Remote::start(&connections, settings).await
        });
        let remote = remote.map_err(|error| error.to_string())?;
        Ok(Self { remote, runtime: Some(runtime) })
    }

    /// Sends a message, and waits for its replies.
    pub(super) async fn exchange(
        &self,
        agent: &str,
        deadline: Duration,
        tally: &Tally,
        message: &Message,
    ) -> Result<Handled, CallError> {
        let request = Request {
            performative: message.performative,
            conversation: None,
            timeout: deadline,
            content: message.content.clone(),
        };
        tally.sent();
        let answered = self.remote.ask_patiently(agent, request, GRACE).await;
        match answered {
            Ok(replies) => {
                tally.end(End::Answered);
                Ok(super::handled(message, replies.into_iter().map(|reply| reply.content)))
            }
            Err(error) => {
                tally.end(end(&error));
                Err(failure(&error.to_string()))
            }
        }
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        // Its last owner may be an agent, whose thread must not wait.
        self.runtime.take().into_iter().for_each(Runtime::shutdown_background);
    }
}

/// Returns the outcome that an error stands for.
fn end(error: &RemoteError) -> End {
    match error {
        RemoteError::Refused { code, reason, .. } => {
            let status = StatusCode::from_u16(*code).unwrap_or(StatusCode::BAD_GATEWAY);
            End::of(status, reason.as_deref().unwrap_or_default())
        }
        RemoteError::TimedOut(_) => End::Lost,
        RemoteError::Name(_)
        | RemoteError::TooLarge(..)
        | RemoteError::NotSent(_)
        | RemoteError::Closed => End::TurnedAway,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_what_the_host_counts_it_as() {
        let of = |code, reason: Option<&str>| {
            let reason = reason.map(str::to_owned);
            end(&RemoteError::Refused { code, reason, text: String::new() })
        };
        assert_eq!(of(429, Some("mailbox-full")), End::Refused);
        assert_eq!(of(429, None), End::TurnedAway, "before it was a message to the agent");
        assert_eq!(of(404, None), End::TurnedAway, "by the server: no host has it");
        assert_eq!(of(504, Some("timed-out")), End::TimedOut);
        assert_eq!(of(502, Some("panic")), End::Failed);
        assert_eq!(of(0, Some("panic")), End::Failed);
        assert_eq!(end(&RemoteError::TimedOut(GRACE)), End::Lost);
        assert_eq!(end(&RemoteError::NotSent(GRACE)), End::TurnedAway);
    }
}
