//! Messages, built and taken apart in one place: the generated type has neither a constructor
//! nor a way to separate its content, which every backend stores in its own form.

use crate::{AgentId, Failure, Message, Performative};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A message without its content.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Head {
    pub id: u64,
    pub conversation: u64,
    pub in_reply_to: Option<u64>,
    pub sender: AgentId,
    pub recipient: AgentId,
    pub performative: Performative,
}

impl Head {
    #[inline]
    pub fn of(message: &Message) -> Self {
        Self {
            id: message.id,
            conversation: message.conversation,
            in_reply_to: message.in_reply_to,
            sender: message.sender,
            recipient: message.recipient,
            performative: message.performative,
        }
    }

    /// Returns the head of a message that starts a conversation.
    #[inline]
    pub fn first(id: u64, sender: AgentId, recipient: AgentId, performative: Performative) -> Self {
        Self { id, conversation: id, in_reply_to: None, sender, recipient, performative }
    }

    /// Returns the head of a reply from the recipient to the sender.
    pub fn reply(self, performative: Performative) -> Self {
        Self {
            in_reply_to: Some(self.id),
            sender: self.recipient,
            recipient: self.sender,
            performative,
            ..self
        }
    }

    #[inline]
    pub fn with(self, content: Vec<u8>) -> Message {
        Message {
            id: self.id,
            conversation: self.conversation,
            in_reply_to: self.in_reply_to,
            sender: self.sender,
            recipient: self.recipient,
            performative: self.performative,
            content,
        }
    }
}

impl Message {
    /// Returns a request with this content and without sender or recipient: enough for an
    /// agent that only computes.
    pub fn request(content: impl Into<Vec<u8>>) -> Self {
        Head::first(1, 0, 0, Performative::Request).with(content.into())
    }
}

impl Performative {
    /// All, with their names in WIT.
    pub const NAMES: [(Self, &str); 11] = [
        (Self::Request, "request"),
        (Self::Inform, "inform"),
        (Self::QueryIf, "query-if"),
        (Self::QueryRef, "query-ref"),
        (Self::Propose, "propose"),
        (Self::AcceptProposal, "accept-proposal"),
        (Self::RejectProposal, "reject-proposal"),
        (Self::Agree, "agree"),
        (Self::Refuse, "refuse"),
        (Self::Failure, "failure"),
        (Self::NotUnderstood, "not-understood"),
    ];

    /// Returns the name in WIT.
    pub fn name(self) -> &'static str {
        let known = Self::NAMES.into_iter().find(|(known, _)| *known == self);
        known.map_or("unknown", |(_, name)| name)
    }
}

impl fmt::Display for Performative {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Performative {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::NAMES.into_iter().find(|(_, known)| *known == name);
        found.map(|(performative, _)| performative).ok_or_else(|| {
            let names = Self::NAMES.map(|(_, name)| name);
            format!("no performative is called {name:?}; there are {}", names.join(", "))
        })
    }
}

impl Failure {
    /// Returns the name of the case in WIT, without its text.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NotUnderstood(_) => "not-understood",
            Self::Refused(_) => "refused",
            Self::Unavailable(_) => "unavailable",
            Self::Exhausted(_) => "exhausted",
            Self::Denied(_) => "denied",
            Self::Internal(_) => "internal",
        }
    }

    /// Returns the failure as people read it: "not understood: no number". Its `Display` is
    /// generated, and the form of `Debug`.
    pub fn sentence(&self) -> String {
        let (kind, text) = match self {
            Self::NotUnderstood(text) => ("not understood", text),
            Self::Refused(text) => ("refused", text),
            Self::Unavailable(text) => ("unavailable", text),
            Self::Exhausted(text) => ("exhausted", text),
            Self::Denied(text) => ("denied", text),
            Self::Internal(text) => ("internal failure", text),
        };
        format!("{kind}: {text}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_performative_survives_its_name_and_another_name_is_told_the_right_ones() {
        for (performative, name) in Performative::NAMES {
            assert_eq!(name.parse(), Ok(performative));
            assert_eq!(performative.to_string(), name);
        }
        let error = "shout".parse::<Performative>().unwrap_err();
        assert!(error.contains("\"shout\"") && error.contains("query-if"), "{error}");
    }
}
