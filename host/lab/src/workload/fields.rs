//! The expected fields of replies besides their content, and the failures that can take their
//! place.

use sandlab_runtime::{Failure, Message, Performative};
use schemars::JsonSchema;
use serde::Deserialize;

/// Fields of all replies to a message. A field that is not stated may have any value that the
/// contract allows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Fields {
    /// The performative, by its name in WIT, such as `inform`.
    performative: Option<String>,
    /// The reply's own id.
    id: Option<u64>,
    /// The conversation.
    conversation: Option<u64>,
    /// The message that it answers.
    in_reply_to: Option<u64>,
    /// The agent that it goes to.
    recipient: Option<u64>,
}

/// A field of a reply that is not as it is stated.
#[derive(Debug, PartialEq, Eq)]
pub struct WrongField {
    /// Its name in WIT.
    pub field: &'static str,
    /// The number of the reply, from 1 on.
    pub reply: usize,
    /// The value that the case states.
    pub wanted: String,
    /// The value that the reply has.
    pub found: String,
}

impl Fields {
    /// Checks that the stated performative exists.
    ///
    /// # Errors
    /// If it does not; the text has all.
    pub fn known(self) -> Result<Self, String> {
        let Some(stated) = &self.performative else {
            return Ok(self);
        };
        let names = Performative::NAMES.map(|(_, name)| name);
        if names.contains(&stated.as_str()) {
            return Ok(self);
        }
        Err(format!("there is no performative {stated:?}; there are {}", names.join(", ")))
    }

    /// Returns every field of the replies that is not as stated.
    pub fn wrong(&self, replies: &[Message]) -> Vec<WrongField> {
        let number = |id: u64| Some(id.to_string());
        let wrong = replies.iter().zip(1..).flat_map(|(reply, at)| {
            let name = reply.performative.name().to_owned();
            let fields = [
                ("performative", self.performative.clone(), Some(name)),
                ("id", self.id.and_then(number), number(reply.id)),
                ("conversation", self.conversation.and_then(number), number(reply.conversation)),
                (
                    "in-reply-to",
                    self.in_reply_to.and_then(number),
                    reply.in_reply_to.and_then(number),
                ),
                ("recipient", self.recipient.and_then(number), number(reply.recipient)),
            ];
            fields.into_iter().filter_map(move |(field, wanted, found)| {
                let wanted = wanted?;
                let found = found.unwrap_or_else(|| "none".to_owned());
                (wanted != found).then_some(WrongField { field, reply: at, wanted, found })
            })
        });
        wrong.collect()
    }
}

/// A failure, by its case in WIT: its text is for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// The content could not be read.
    NotUnderstood,
    /// The agent will not do this for this caller.
    Refused,
    /// The agent cannot do it now.
    Unavailable,
    /// A limit was reached while working.
    Exhausted,
    /// The sandbox config does not grant what the request needs.
    Denied,
    /// The agent is at fault.
    Internal,
}

impl FailureKind {
    /// Returns the kind of a failure.
    pub fn of(failure: &Failure) -> Self {
        match failure {
            Failure::NotUnderstood(_) => Self::NotUnderstood,
            Failure::Refused(_) => Self::Refused,
            Failure::Unavailable(_) => Self::Unavailable,
            Failure::Exhausted(_) => Self::Exhausted,
            Failure::Denied(_) => Self::Denied,
            Failure::Internal(_) => Self::Internal,
        }
    }

    /// Returns the name in WIT.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotUnderstood => "not-understood",
            Self::Refused => "refused",
            Self::Unavailable => "unavailable",
            Self::Exhausted => "exhausted",
            Self::Denied => "denied",
            Self::Internal => "internal",
        }
    }
}

/// A message that must be answered with a failure.
#[derive(Debug)]
pub struct Refusal {
    /// The number of exchanges of the series before it.
    pub after: usize,
    /// The message.
    pub request: Message,
    /// The failure.
    pub failure: FailureKind,
    /// Its number in the workload file.
    pub line: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_stated_fields_are_checked_and_each_by_its_name() {
        let stated = |text: &str| serde_json::from_str::<Fields>(text).unwrap();
        let reply = Message { in_reply_to: Some(4), ..Message::request(b"") };
        let replies = [reply];
        assert_eq!(stated("{}").wrong(&replies), []);
        let right = r#"{"performative": "request", "in-reply-to": 4, "id": 1}"#;
        assert_eq!(stated(right).wrong(&replies), []);
        let wrong = stated(r#"{"performative": "inform", "in-reply-to": 5}"#).wrong(&replies);
        let told: Vec<_> = wrong.iter().map(|w| (w.field, &*w.wanted, &*w.found)).collect();
        assert_eq!(told, [("performative", "inform", "request"), ("in-reply-to", "5", "4")]);
        assert!(stated(r#"{"performative": "infrom"}"#).known().unwrap_err().contains("inform"));
    }
}
