//! Messages between agents of two hosts, as NATS carries them: with the headers of a request, and
//!
//! ```text
//! message   Sandlab-Sender: NUOXLB4C.12       the sender's host and its id there
//!           Sandlab-Id: 34                    chosen by the sender
//!           Sandlab-In-Reply-To: 33           if it is a reply
//!           Sandlab-Hops: 2                   agents that led to it
//! ```
//!
//! A message for an agent that its sender found by name goes to `sandlab.NAME`; one for the sender
//! of an earlier message goes to `sandlab.@HOST.AGENT`, which only its host receives. The reason
//! why a message was not accepted comes back to `sandlab.@HOST.AGENT.ID.CONVERSATION.HOPS`: with
//! the hops, or two agents that answer failures could go on for ever. All functions are pure, as in
//! [`wire`](super::wire).

use super::wire::{self, CONVERSATION, Malformed, PERFORMATIVE, read};
use async_nats::{HeaderMap, HeaderValue};
use sandlab_runtime::{AgentId, Message};
use std::fmt;
use std::str::FromStr;

const SENDER: &str = "Sandlab-Sender";
const ID: &str = "Sandlab-Id";
const IN_REPLY_TO: &str = "Sandlab-In-Reply-To";
const HOPS: &str = "Sandlab-Hops";

/// An agent of a host.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    /// The host, by the token that it chose.
    pub host: String,
    /// The agent's id there.
    pub agent: AgentId,
}

/// A message for an agent here, from one of another host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrived {
    /// The agent that sent it, and its host.
    pub sender: Place,
    /// The message; sender and recipient are not known yet.
    pub message: Message,
    /// Agents that have handled what led to it, one after the other.
    pub hops: u32,
}

/// The part of a subject after the host's own part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A message for an agent.
    Message(AgentId),
    /// A notice that a message of an agent was not accepted; its status and headers have the
    /// reason.
    Notice {
        /// The agent.
        agent: AgentId,
        /// The message's id.
        id: u64,
        /// Its conversation.
        conversation: u64,
        /// Agents that led to it.
        hops: u32,
    },
}

impl Subject {
    /// Reads the part after the host's part and its dot. `None` if it is not of this form.
    pub fn read(text: &str) -> Option<Self> {
        let parts: Result<Vec<u64>, _> = text.split('.').map(str::parse).collect();
        match parts.ok()?[..] {
            [agent] => Some(Self::Message(agent)),
            [agent, id, conversation, hops] => {
                let hops = u32::try_from(hops).ok()?;
                Some(Self::Notice { agent, id, conversation, hops })
            }
            _ => None,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(agent) => write!(f, "{agent}"),
            Self::Notice { agent, id, conversation, hops } => {
                write!(f, "{agent}.{id}.{conversation}.{hops}")
            }
        }
    }
}

/// Returns the headers of a message.
pub fn headers(host: &str, message: &Message, hops: u32) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut number = |name, value: u64| headers.insert(name, HeaderValue::from(value));
    number(ID, message.id);
    number(CONVERSATION, message.conversation);
    number(HOPS, hops.into());
    if let Some(id) = message.in_reply_to {
        number(IN_REPLY_TO, id);
    }
    headers.insert(SENDER, format!("{host}.{}", message.sender));
    headers.insert(PERFORMATIVE, message.performative.name());
    headers
}

/// Returns the message of these headers and this content. `None` if they do not name a sender, as
/// in a client's request.
///
/// # Errors
/// [`Malformed`] with the first malformed header.
pub fn arrived(headers: Option<&HeaderMap>, content: &[u8]) -> Result<Option<Arrived>, Malformed> {
    let Some(sender) = read(headers, SENDER)? else {
        return Ok(None);
    };
    let asked = wire::asked(headers)?;
    let id = read(headers, ID)?.unwrap_or_default();
    let message = Message {
        id,
        conversation: asked.conversation.unwrap_or(id),
        in_reply_to: read(headers, IN_REPLY_TO)?,
        sender: 0,
        recipient: 0,
        performative: asked.performative.unwrap_or(sandlab_runtime::Performative::Inform),
        content: content.to_vec(),
    };
    Ok(Some(Arrived { sender, message, hops: read(headers, HOPS)?.unwrap_or_default() }))
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_token = |host: &&str| {
            (1..=64).contains(&host.len()) && host.bytes().all(|byte| byte.is_ascii_alphanumeric())
        };
        let parts = text.split_once('.').filter(|(host, _)| is_token(host));
        let place = parts.and_then(|(host, agent)| {
            Some(Self { host: host.to_owned(), agent: agent.parse().ok()? })
        });
        place.ok_or_else(|| format!("{text:?} is not like HOST.12"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sandlab_runtime::Performative;

    fn message() -> Message {
        Message {
            id: 34,
            conversation: 7,
            in_reply_to: Some(33),
            sender: 12,
            recipient: 99,
            performative: Performative::Agree,
            content: b"yes".to_vec(),
        }
    }

    #[test]
    fn a_message_survives_the_way() {
        let arrived = arrived(Some(&headers("NUOX", &message(), 3)), b"yes").unwrap().unwrap();
        assert_eq!(arrived.sender, Place { host: "NUOX".to_owned(), agent: 12 });
        assert_eq!(arrived.hops, 3);
        assert_eq!(Message { sender: 12, recipient: 99, ..arrived.message }, message());
    }

    #[test]
    fn what_a_client_sends_is_from_no_agent() {
        assert_eq!(arrived(None, b"").unwrap(), None);
        for sender in ["", "NUOX", "NUOX.", ".12", "a b.12", "a.>.1", "NUOX.-1"] {
            let mut headers = HeaderMap::new();
            headers.insert(SENDER, sender);
            assert!(arrived(Some(&headers), b"").unwrap_err().to_string().contains(SENDER));
        }
    }

    #[test]
    fn subjects_are_read_whole() {
        assert_eq!(Subject::read("12"), Some(Subject::Message(12)));
        let notice = Subject::Notice { agent: 12, id: 34, conversation: 7, hops: 3 };
        assert_eq!(Subject::read("12.34.7.3"), Some(notice));
        for subject in [Subject::Message(12), notice] {
            assert_eq!(Subject::read(&subject.to_string()), Some(subject));
        }
        for wrong in ["", "x", "12.34", "12.34.7", "12.34.7.3.1", "12.34.7.x", "-1"] {
            assert_eq!(Subject::read(wrong), None, "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn no_header_panics(
            name in 0..4_usize,
            value in "[^\r\n]{0,40}",
            subject in any::<String>(),
        ) {
            let mut headers = headers("NUOX", &message(), 3);
            headers.insert([SENDER, ID, IN_REPLY_TO, HOPS][name], value.as_str());
            let _ = arrived(Some(&headers), b"");
            let _ = Subject::read(&subject);
        }
    }
}
