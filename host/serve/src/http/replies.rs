//! Replies as responses.

use super::messages::{CONVERSATION, EVENT_STREAM, PERFORMATIVE};
use axum::body::Body;
use axum::response::Response;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderName, HeaderValue};
use sandlab_runtime::Message;
use serde::Serialize;

/// The header with the number of replies.
const REPLIES: HeaderName = HeaderName::from_static("sandlab-replies");

/// Returns the content of the first reply.
pub fn first(replies: Vec<Message>) -> Response {
    let count = replies.len();
    let mut response = Response::new(Body::empty());
    // An answer has at least one.
    let Some(first) = replies.into_iter().next() else {
        return response;
    };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(CONVERSATION, first.conversation.into());
    headers.insert(PERFORMATIVE, HeaderValue::from_static(first.performative.name()));
    if count > 1 {
        headers.insert(REPLIES, count.into());
    }
    *response.body_mut() = first.content.into();
    response
}

/// A reply as the data of an event.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Event<'a> {
    performative: &'static str,
    conversation: u64,
    #[serde(flatten)]
    content: Content<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
enum Content<'a> {
    Content(&'a str),
    /// Content that is no UTF-8, in base64.
    ContentBase64(String),
}

/// Returns all replies as server-sent events, one per reply.
pub fn events(replies: &[Message]) -> Response {
    let mut text = String::new();
    for reply in replies {
        let content = match std::str::from_utf8(&reply.content) {
            Ok(text) => Content::Content(text),
            Err(_) => Content::ContentBase64(BASE64_STANDARD.encode(&reply.content)),
        };
        let performative = reply.performative.name();
        text += &event("reply", &Event { performative, conversation: reply.conversation, content });
    }
    stream(Body::from(text))
}

/// Returns a server-sent event with data in JSON, which has no line break.
pub fn event(name: &str, data: &impl Serialize) -> String {
    // Neither keys that are no text nor a writer that fails: there is nothing to go wrong.
    let data = serde_json::to_string(data).unwrap_or_default();
    format!("event: {name}\ndata: {data}\n\n")
}

/// Returns a response of server-sent events.
pub fn stream(events: Body) -> Response {
    let mut response = Response::new(events);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(EVENT_STREAM));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
