//! Messages as NATS carries them: what the agents do not see is in headers, the content is the
//! payload.
//!
//! ```text
//! request   Sandlab-Performative: request     default request, or inform if no reply is wanted
//!           Sandlab-Conversation: 7           default a new one
//!           Sandlab-Timeout: 500ms            default that of the settings
//! reply     Sandlab-Performative: inform      unless it is inform, and the request had no headers
//!           Sandlab-Conversation: 7           unless the request had no headers
//!           Sandlab-Reply: 1/2                if there are several, or none: 0/0
//! no reply  Nats-Service-Error: the agent ended: …
//!           Nats-Service-Error-Code: 502
//!           Sandlab-Reason: panic             its name
//! ```
//!
//! Only pure functions are here. Whatever a header says, they return what it means or what is
//! wrong with it.

use crate::http::Problem;
use crate::{AskError, Request};
use async_nats::service::{NATS_SERVICE_ERROR, NATS_SERVICE_ERROR_CODE};
use async_nats::{HeaderMap, HeaderValue, StatusCode};
use sandlab_runtime::Performative;
use std::str::FromStr;
use std::time::Duration;

/// The header with the kind of message.
pub const PERFORMATIVE: &str = "Sandlab-Performative";
/// The header with the conversation that a message belongs to.
pub const CONVERSATION: &str = "Sandlab-Conversation";
const TIMEOUT: &str = "Sandlab-Timeout";
const REASON: &str = "Sandlab-Reason";
const REPLY: &str = "Sandlab-Reply";

/// The longest timeout that a request can have.
pub const LONGEST_TIMEOUT: Duration = Duration::from_secs(24 * 3_600);

/// The replies that one request can have: an agent's call returns fewer.
const MOST_REPLIES: u32 = 1 << 16;

/// A header that does not mean anything.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the header {header}: {what}")]
pub struct Malformed {
    header: &'static str,
    what: String,
}

/// The headers of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The kind of message; `None` if it does not say.
    pub performative: Option<Performative>,
    /// The conversation that it belongs to; `None` begins one.
    pub conversation: Option<u64>,
    /// The longest time until the reply; `None` if it does not say.
    pub timeout: Option<Duration>,
}

/// The headers of a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replied {
    /// The kind of message.
    pub performative: Performative,
    /// The conversation that it belongs to; `None` if it does not say, as a reply of something
    /// that is not sandlab.
    pub conversation: Option<u64>,
    /// Its number among the replies, and how many there are. 1 of 1 unless it says otherwise.
    pub place: Place,
}

/// The number of a reply, from 1, and how many there are; 0 of 0 stands for no reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The number.
    pub number: u32,
    /// The number of replies in all.
    pub of: u32,
}

/// An answer that is not a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The reason, with HTTP's numbers.
    pub code: u16,
    /// The reason's name, for programs. `None` if the code says it all.
    pub reason: Option<String>,
    /// The reason, for people.
    pub text: String,
}

impl Refused {
    /// Returns an answer that is not the agent's own.
    pub fn new(code: u16, text: impl Into<String>) -> Self {
        Self { code, reason: None, text: text.into() }
    }

    /// Returns the same with its name, which is the one over HTTP.
    pub fn named(self, reason: &str) -> Self {
        Self { reason: Some(reason.to_owned()), ..self }
    }
}

impl Place {
    /// The only reply.
    pub const ONLY: Self = Self { number: 1, of: 1 };
    /// The answer of an agent that has no reply.
    pub const NONE: Self = Self { number: 0, of: 0 };

    /// Returns whether no other reply follows.
    pub fn is_last(self) -> bool {
        self.number == self.of
    }
}

/// Returns the headers of a request.
pub fn ask(request: &Request) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(PERFORMATIVE, request.performative.name());
    if let Some(conversation) = request.conversation {
        headers.insert(CONVERSATION, HeaderValue::from(conversation));
    }
    // Whole milliseconds, which are short to write.
    let timeout = Duration::from_millis((request.timeout.as_millis() as u64).max(1));
    headers.insert(TIMEOUT, humantime::format_duration(timeout).to_string());
    headers
}

/// Returns what the headers of a request mean. `None` stands for none.
///
/// # Errors
/// [`Malformed`] with the first header that means nothing.
pub fn asked(headers: Option<&HeaderMap>) -> Result<Asked, Malformed> {
    Ok(Asked {
        performative: read(headers, PERFORMATIVE)?,
        conversation: read(headers, CONVERSATION)?,
        timeout: read::<humantime::Duration>(headers, TIMEOUT)?.map(timeout).transpose()?,
    })
}

fn timeout(stated: humantime::Duration) -> Result<Duration, Malformed> {
    if stated.is_zero() || *stated > LONGEST_TIMEOUT {
        let what = format!("{stated} is not more than 0 s and at most a day");
        return Err(Malformed { header: TIMEOUT, what });
    }
    Ok(*stated)
}

/// The most that the headers of a reply take, bytes: three, of which the longest value is a number of
/// 64 bits.
pub const MOST_HEADERS: usize = 256;

/// Returns the headers of a reply. To a plain request, which had none, only those that say what is
/// not usual: reading headers takes a client as long as all the rest.
pub fn reply(
    performative: Performative,
    conversation: u64,
    place: Place,
    is_plain: bool,
) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if !is_plain || performative != Performative::Inform {
        headers.insert(PERFORMATIVE, performative.name());
    }
    if !is_plain {
        headers.insert(CONVERSATION, HeaderValue::from(conversation));
    }
    if place != Place::ONLY {
        headers.insert(REPLY, format!("{}/{}", place.number, place.of));
    }
    headers
}

/// Returns what an answer's status and headers mean: a reply, or why there is none.
///
/// # Errors
/// [`Malformed`] with the first header that means nothing.
pub fn replied(
    status: Option<StatusCode>,
    headers: Option<&HeaderMap>,
) -> Result<Result<Replied, Refused>, Malformed> {
    if status == Some(StatusCode::NO_RESPONDERS) {
        let text = "no host that can be reached has this agent";
        return Ok(Err(Refused::new(code::UNKNOWN, text)));
    }
    if let Some(code) = read(headers, NATS_SERVICE_ERROR_CODE)? {
        let text = read(headers, NATS_SERVICE_ERROR)?.unwrap_or_default();
        return Ok(Err(Refused { code, reason: read(headers, REASON)?, text }));
    }
    Ok(Ok(Replied {
        performative: read(headers, PERFORMATIVE)?.unwrap_or(Performative::Inform),
        conversation: read(headers, CONVERSATION)?,
        place: read(headers, REPLY)?.unwrap_or(Place::ONLY),
    }))
}

/// Returns what a header means. `None` if it is not there.
///
/// # Errors
/// [`Malformed`] if it means nothing, or is there more than once.
pub fn read<T: FromStr<Err: ToString>>(
    headers: Option<&HeaderMap>,
    header: &'static str,
) -> Result<Option<T>, Malformed> {
    let Some(mut values) = headers.map(|headers| headers.get_all(header)) else {
        return Ok(None);
    };
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let malformed = |what| Malformed { header, what };
    if values.next().is_some() {
        return Err(malformed("it is there more than once".to_owned()));
    }
    let read = value.as_str().parse().map_err(|error: T::Err| error.to_string());
    read.map(Some).map_err(malformed)
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/');
        let parts = parts.and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
        let place = parts.map(|(number, of)| Self { number, of });
        let fits = |place: &Self| {
            *place == Self::NONE
                || (1..=place.of).contains(&place.number) && place.of <= MOST_REPLIES
        };
        place.filter(fits).ok_or_else(|| format!("{text:?} is not like 1/2"))
    }
}

/// The codes by which a request is refused: HTTP's, as `POST /agents/NAME` has them.
pub mod code {
    /// A header means nothing.
    pub const MALFORMED: u16 = 400;
    /// No host that can be reached has the agent.
    pub const UNKNOWN: u16 = 404;
    /// The content is too large.
    pub const TOO_LARGE: u16 = 413;
    /// Too many messages wait for this agent.
    pub const TOO_MANY: u16 = 429;
    /// The agent failed, or its reply cannot be sent.
    pub const FAULT: u16 = 502;
    /// No reply came in time.
    pub const TIMED_OUT: u16 = 504;
}

/// Returns the answer for a message that has no reply: what it would be over HTTP.
pub fn refused(error: AskError) -> Refused {
    let text = error.to_string();
    let problem = Problem::from(error);
    Refused { code: problem.status().as_u16(), reason: Some(problem.reason().to_owned()), text }
}

/// Returns the headers of an answer that is not a reply.
pub fn error(refused: &Refused) -> HeaderMap {
    let mut headers = refusal(refused);
    headers.insert(NATS_SERVICE_ERROR, line(&refused.text));
    headers.insert(NATS_SERVICE_ERROR_CODE, HeaderValue::from(refused.code));
    headers
}

/// Returns the same without those that the micro service adds.
pub fn refusal(refused: &Refused) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Some(reason) = &refused.reason {
        headers.insert(REASON, line(reason));
    }
    headers
}

/// Returns a text as the value of a header, which is one line.
pub fn line(text: &str) -> HeaderValue {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    HeaderValue::from_str(line.trim()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn headers(of: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in of {
            headers.append(*name, *value);
        }
        headers
    }

    #[test]
    fn a_request_survives_the_way() {
        let request = Request {
            performative: Performative::QueryRef,
            conversation: Some(u64::MAX),
            timeout: Duration::from_micros(1_500_900),
            content: Vec::new(),
        };
        let expected = Asked {
            performative: Some(Performative::QueryRef),
            conversation: Some(u64::MAX),
            timeout: Some(Duration::from_millis(1_500)),
        };
        assert_eq!(asked(Some(&ask(&request))), Ok(expected));
    }

    #[test]
    fn replies_say_which_of_how_many_they_are() {
        for place in
            [Place::ONLY, Place::NONE, Place { number: 1, of: 2 }, Place { number: 2, of: 2 }]
        {
            let headers = reply(Performative::Agree, 7, place, false);
            let told = replied(None, Some(&headers)).unwrap().unwrap();
            assert_eq!((told.performative, told.conversation), (Performative::Agree, Some(7)));
            assert_eq!(told.place, place);
        }
        assert!(reply(Performative::Inform, 7, Place::ONLY, true).is_empty());
        assert_eq!(reply(Performative::Agree, 7, Place { number: 1, of: 2 }, true).len(), 2);
        assert!(!Place { number: 1, of: 2 }.is_last());
        let bare = replied(None, None).unwrap().unwrap();
        assert_eq!((bare.performative, bare.place), (Performative::Inform, Place::ONLY));
    }

    #[test]
    fn what_a_header_cannot_mean_is_told_by_its_name() {
        for (name, value) in [
            (PERFORMATIVE, "shout"),
            (CONVERSATION, "-1"),
            (CONVERSATION, "18446744073709551616"),
            (TIMEOUT, "soon"),
            (TIMEOUT, "0s"),
            (TIMEOUT, "2days"),
        ] {
            let error = asked(Some(&headers(&[(name, value)]))).unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
        }
        let twice = headers(&[(CONVERSATION, "1"), (CONVERSATION, "2")]);
        assert!(asked(Some(&twice)).unwrap_err().to_string().contains("more than once"));
        for place in ["", "1", "2/1", "0/1", "1/0", "1/1000000"] {
            assert!(replied(None, Some(&headers(&[(REPLY, place)]))).is_err(), "{place:?}");
        }
    }

    #[test]
    fn an_error_of_any_service_is_understood() {
        let error = headers(&[(NATS_SERVICE_ERROR_CODE, "418"), (NATS_SERVICE_ERROR, "a teapot")]);
        let refused = replied(None, Some(&error)).unwrap().unwrap_err();
        assert_eq!((refused.code, refused.text.as_str()), (418, "a teapot"));
        let nobody = replied(Some(StatusCode::NO_RESPONDERS), None).unwrap().unwrap_err();
        assert_eq!(nobody.code, code::UNKNOWN);
    }

    proptest! {
        #[test]
        fn no_header_panics(name in 0..5_usize, value in "[^\r\n]{0,40}", again in any::<bool>()) {
            let names = [PERFORMATIVE, CONVERSATION, TIMEOUT, REPLY, NATS_SERVICE_ERROR_CODE];
            let mut headers = headers(&[(names[name], &value)]);
            if again {
                headers.append(names[name], value.as_str());
            }
            let _ = asked(Some(&headers));
            let _ = replied(None, Some(&headers));
        }

        #[test]
        fn any_text_becomes_one_line(text in any::<String>()) {
            let line = line(&text);
            prop_assert!(!line.as_str().contains(['\r', '\n']));
        }
    }
}
