//! The ways in which a service fails to answer, by name.

use crate::span;
use bytesize::ByteSize;
use std::time::Duration;

/// How a service did not answer as HTTP asks. Each ends the instance.
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
    /// The handler used what it had given away with its response.
    #[error(
        "two responses: the handler used its `response-outparam` again after it had set the \
         response ({0})"
    )]
    Twice(String),
    /// The body is longer than what may be handed over.
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
    /// The body was closed before its end.
    #[error(
        "incomplete body: the handler dropped its `outgoing-body` without `finish`, or wrote \
         less or more than its `content-length` says"
    )]
    Incomplete,
}
