//! The ways in which a service fails to answer, by name.

use crate::span;
use bytesize::ByteSize;
use std::time::Duration;

/// The violation of HTTP by a service's response. Each ends the instance.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResponseFault {
    /// The handler returned and had not set its response.
    #[error("no response: the handler returned without calling `response-outparam.set`")]
    Missing,
    /// The deadline came before a response.
    #[error(
        "no response within {}: the service did not set its response before the deadline; \
         raise `deadline` if it needs longer",
        span(*.0)
    )]
    Late(Duration),
    /// The handler used handles that it had passed on with its response.
    #[error(
        "two responses: after it had set the response, the handler used what it had given away, \
         such as its `response-outparam`, again ({0})"
    )]
    Twice(String),
    /// The body is longer than the limit.
    #[error(
        "endless body: the response is longer than {}; raise `result-limit` if it ends at all", 
        ByteSize::b(*.0)
    )]
    Endless(u64),
    /// The deadline came before the body's end.
    #[error(
        "unfinished body: the response was set, and its body had not ended after {}; raise \
         `deadline` if it needs longer",
        span(*.0)
    )]
    Unfinished(Duration),
    /// The deadline came after the whole response, and before the handler returned.
    #[error(
        "no return: the response was whole, and the handler had not returned after {0:?}; raise \
         `deadline` if it needs longer"
    )]
    Unreturned(Duration),
    /// The body was closed before its end.
    #[error(
        "incomplete body: the handler dropped its `outgoing-body` without `finish` (in WASI 0.3, \
         the future of its trailers gave an error), or wrote less or more than its \
         `content-length` says"
    )]
    Incomplete,
}
