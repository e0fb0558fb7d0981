//! The outcome of one message, and its difference from the outcome elsewhere.

use super::rules;
use crate::validate::call;
use crate::validate::code::Code;
use crate::validate::finding::Finding;
use crate::validate::language::Language;
use crate::workload::Case;
use sandlab_runtime::{Agent, Backend, CallError, Cause, Failure, Fault, Handled, Message};
use std::mem::discriminant;

/// The outcome of one message.
pub enum Answer {
    /// It was handled.
    Handled(Handled),
    /// The agent answered with a failure.
    Failure(Failure),
    /// The agent ended.
    Fault(Fault),
}

/// A difference between two outcomes of one message.
#[derive(Debug, PartialEq, Eq)]
pub struct Difference {
    /// The outcome, or the field of a reply.
    pub what: String,
    /// The reference's value.
    pub wanted: String,
    /// The guest's value.
    pub found: String,
}

/// Sends a message to the kept instance, or to a fresh one if none is kept. An instance that
/// ended is not kept.
///
/// # Errors
/// If the host, and not the guest, failed.
pub fn ask(
    backend: &dyn Backend,
    case: &Case,
    message: &Message,
    kept: &mut Option<Box<dyn Agent>>,
) -> Result<Answer, String> {
    let started = match kept.take() {
        Some(agent) => Ok(agent),
        None => call::start(backend, case),
    };
    let outcome = started.and_then(|mut agent| {
        let outcome = agent.handle(message);
        let has_ended = outcome.as_ref().is_err_and(|error| error.fault().is_some());
        if !has_ended {
            *kept = Some(agent);
        }
        outcome
    });
    Answer::of(outcome)
}

impl Answer {
    /// Returns the outcome of a call.
    ///
    /// # Errors
    /// If the host, and not the guest, failed.
    pub fn of(outcome: Result<Handled, CallError>) -> Result<Self, String> {
        match outcome {
            Ok(handled) => Ok(Self::Handled(handled)),
            Err(CallError::Failure(failure)) => Ok(Self::Failure(failure)),
            Err(CallError::Fault(fault))
                if matches!(fault.cause, Cause::Host(_) | Cause::NoSlot(_)) =>
            {
                Err(fault.to_string())
            }
            Err(CallError::Fault(fault)) => Ok(Self::Fault(fault)),
        }
    }

    /// Returns faults and breaches of the contract, which are wrong for any agent.
    pub fn findings(&self, request: &Message, place: &str, language: Language) -> Vec<Finding> {
        match self {
            Self::Fault(fault) => {
                let remedy = "Fix the fault that is quoted: any agent may be sent this message";
                vec![Finding::new(Code::CaseFault, place, remedy).found(fault.to_string())]
            }
            Self::Handled(handled) => rules::broken(request, &handled.replies, place, language),
            Self::Failure(_) => Vec::new(),
        }
    }

    /// Returns the first difference from another outcome; `None` if they are equal. Of failures and
    /// faults only the kind is compared: their texts are for people.
    pub fn difference(&self, other: &Self) -> Option<Difference> {
        let is_same = match (self, other) {
            (Self::Handled(ours), Self::Handled(theirs)) => return difference(ours, theirs),
            (Self::Failure(ours), Self::Failure(theirs)) => {
                discriminant(ours) == discriminant(theirs)
            }
            (Self::Fault(_), Self::Fault(_)) => true,
            _ => false,
        };
        (!is_same).then(|| Difference {
            what: "the outcome".to_owned(),
            wanted: other.description(),
            found: self.description(),
        })
    }

    /// Returns the outcome in words.
    pub fn description(&self) -> String {
        match self {
            Self::Handled(handled) => {
                let bytes: usize = handled.replies.iter().map(|r| r.content.len()).sum();
                let (replies, sent) = (handled.replies.len(), handled.sent.len());
                format!("{replies} replies of {bytes} B in total, {sent} messages sent")
            }
            Self::Failure(failure) => CallError::Failure(failure.clone()).to_string(),
            Self::Fault(fault) => fault.to_string(),
        }
    }
}

/// Returns the first difference between two lists of replies and sent messages. Senders are not
/// compared, since the host sets them.
pub fn difference(ours: &Handled, theirs: &Handled) -> Option<Difference> {
    of_messages("reply", &ours.replies, &theirs.replies)
        .or_else(|| of_messages("sent message", &ours.sent, &theirs.sent))
}

/// Returns the first difference between messages of one kind.
pub fn of_messages(kind: &str, ours: &[Message], theirs: &[Message]) -> Option<Difference> {
    if ours.len() != theirs.len() {
        return Some(Difference {
            what: format!("the number of {}", plural(kind)),
            wanted: theirs.len().to_string(),
            found: ours.len().to_string(),
        });
    }
    let pairs = ours.iter().zip(theirs).zip(1..);
    pairs.into_iter().find_map(|((ours, theirs), number)| {
        let (field, wanted, found) = field(ours, theirs)?;
        Some(Difference { what: format!("{field} of {kind} {number}"), wanted, found })
    })
}

fn plural(kind: &str) -> String {
    kind.strip_suffix('y').map_or_else(|| format!("{kind}s"), |stem| format!("{stem}ies"))
}

fn field(ours: &Message, theirs: &Message) -> Option<(&'static str, String, String)> {
    let or_none = |id: Option<u64>| id.map_or_else(|| "none".to_owned(), |id| id.to_string());
    let number = |field, wanted: u64, found: u64| (field, wanted.to_string(), found.to_string());
    let fields = [
        number("id", theirs.id, ours.id),
        number("conversation", theirs.conversation, ours.conversation),
        ("in-reply-to", or_none(theirs.in_reply_to), or_none(ours.in_reply_to)),
        number("recipient", theirs.recipient, ours.recipient),
        (
            "performative",
            theirs.performative.name().to_owned(),
            ours.performative.name().to_owned(),
        ),
    ];
    let other = fields.into_iter().find(|(_, wanted, found)| wanted != found);
    other.or_else(|| content(&ours.content, &theirs.content))
}

fn content(ours: &[u8], theirs: &[u8]) -> Option<(&'static str, String, String)> {
    /// Bytes from the difference on that are shown.
    const SHOWN: usize = 16;
    let at = ours.iter().zip(theirs).take_while(|(a, b)| a == b).count();
    let from = |bytes: &[u8]| {
        let rest = &bytes[at..bytes.len().min(at + SHOWN)];
        let more = if bytes.len() > at + SHOWN { "…" } else { "" };
        format!("\"{}{more}\" from byte {at} on, of {} B", rest.escape_ascii(), bytes.len())
    };
    (ours != theirs).then(|| ("content", from(theirs), from(ours)))
}

impl Difference {
    /// Returns it as a finding of this kind at this place.
    pub fn finding(self, code: Code, place: &str, remedy: &str) -> Finding {
        let place = format!("{}, {place}", self.what);
        Finding::new(code, place, remedy).wanted(self.wanted).found(self.found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sandlab_runtime::Performative;

    #[test]
    fn every_field_of_a_reply_is_compared_and_named() {
        let reply = || Message { in_reply_to: Some(1), ..Message::request(b"four") };
        let of = |ours: Message| {
            let handled = |reply| Handled { replies: vec![reply], sent: Vec::new() };
            difference(&handled(ours), &handled(reply()))
                .map(|found| (found.what, found.wanted, found.found))
        };
        let told = |what: &str, wanted: &str, found: &str| {
            Some((what.to_owned(), wanted.to_owned(), found.to_owned()))
        };
        assert_eq!(of(reply()), None);
        assert_eq!(of(Message { id: 2, ..reply() }), told("id of reply 1", "1", "2"));
        assert_eq!(
            of(Message { in_reply_to: None, ..reply() }),
            told("in-reply-to of reply 1", "1", "none")
        );
        assert_eq!(
            of(Message { performative: Performative::Inform, ..reply() }),
            told("performative of reply 1", "request", "inform")
        );
        assert_eq!(
            of(Message { content: b"fool".to_vec(), ..reply() }),
            told(
                "content of reply 1",
                "\"ur\" from byte 2 on, of 4 B",
                "\"ol\" from byte 2 on, of 4 B"
            )
        );
        let none = difference(
            &Handled::default(),
            &Handled { replies: vec![reply()], ..Handled::default() },
        );
        assert_eq!(none.unwrap().what, "the number of replies");
    }
}
