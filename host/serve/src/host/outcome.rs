//! The ends of clients' messages, which metrics and spans name alike.

use super::AskError;
use sandlab_runtime::messaging::DeliveryError;

/// The end of a message from a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The agent replied.
    Answered,
    /// The agent failed, or a fault ended it.
    Failed,
    /// The mailbox was full, or the host about to stop.
    Refused,
    /// The client's timeout came first.
    TimedOut,
    /// The client went away first.
    Abandoned,
    /// The message was accepted, and no reply is wanted.
    Told,
}

impl Outcome {
    /// Returns the name in metrics and spans.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::TimedOut => "timed-out",
            Self::Abandoned => "abandoned",
            Self::Told => "told",
        }
    }
}

impl From<&DeliveryError> for Outcome {
    fn from(error: &DeliveryError) -> Self {
        match error {
            DeliveryError::MailboxFull => Self::Refused,
            DeliveryError::TimedOut(_) => Self::TimedOut,
            _ => Self::Failed,
        }
    }
}

impl AskError {
    /// Returns the outcome that the message is counted with; `None` if no agent has the name.
    pub fn outcome(&self) -> Option<Outcome> {
        match self {
            Self::Unknown(_) => None,
            Self::Draining => Some(Outcome::Refused),
            Self::Delivery(error) => Some(error.into()),
            Self::TooLarge { .. } => Some(Outcome::Failed),
        }
    }
}
