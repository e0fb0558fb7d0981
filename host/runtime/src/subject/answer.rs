//! A service's response, as far as the guest has made it.

use super::fault::ResponseFault;
use super::http::encode_response;
use super::instance::Stop;
use crate::Failure;
use bytes::Bytes;
use http::response::Parts;
use http_body::Body;
use http_body_util::BodyExt;
use std::fmt::Debug;
use std::time::Duration;
use wasmtime::Error;

/// The parts of its response that the guest has set until now.
#[derive(Default)]
pub(super) struct Answer {
    /// The status and headers, or the name of the error code in place of a response.
    head: Option<Result<Parts, String>>,
    body: Vec<u8>,
    /// Set once the body has ended.
    is_whole: bool,
}

impl Answer {
    /// Takes the error code that the guest has set in place of a response, with the text of an
    /// internal error.
    pub fn refuse(&mut self, code: &impl Debug, told: Option<&str>) {
        self.head = Some(Err(code_name(code, told)));
    }

    /// Takes a response, and its body as it comes.
    ///
    /// # Errors
    /// If the body is longer than the limit, in bytes, or ends before its end.
    pub async fn read(
        &mut self,
        response: http::Response<impl Body<Data = Bytes> + Unpin>,
        limit: u64,
    ) -> Result<(), Stop> {
        let (head, mut body) = response.into_parts();
        self.head = Some(Ok(head));
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| ResponseFault::Incomplete)?;
            // Trailers are not part of a reply.
            if let Ok(bytes) = frame.into_data() {
                self.push(bytes, limit)?;
            }
        }
        self.is_whole = true;
        Ok(())
    }

    /// Returns the response as a reply's content.
    ///
    /// # Errors
    /// [`Failure`] if there is an error code in its place, [`ResponseFault`] if there is nothing.
    pub fn content(self) -> Result<Vec<u8>, Stop> {
        match self.head {
            None => Err(ResponseFault::Missing.into()),
            Some(Ok(head)) => Ok(encode_response(&head, self.body)),
            Some(Err(code)) => Err(Stop::Failure(Failure::Internal(format!(
                "the service answered with the error code {code} in place of a response"
            )))),
        }
    }

    /// Returns the fault of a service that had made so much of its response at its deadline.
    pub fn late(&self, deadline: Duration) -> ResponseFault {
        match &self.head {
            None => ResponseFault::Late(deadline),
            Some(_) if self.is_whole => ResponseFault::Unreturned(deadline),
            Some(_) => ResponseFault::Unfinished(deadline),
        }
    }

    fn push(&mut self, bytes: Bytes, limit: u64) -> Result<(), ResponseFault> {
        if (self.body.len() + bytes.len()) as u64 > limit {
            return Err(ResponseFault::Endless(limit));
        }
        if self.body.is_empty() {
            // The only chunk of most bodies, which is then not copied.
            self.body = bytes.into();
        } else {
            self.body.extend_from_slice(&bytes);
        }
        Ok(())
    }

    /// Returns the fault behind a call's error: a second response if the guest tried to send one,
    /// else the error itself.
    pub fn explain(&self, error: Error) -> Stop {
        let root = error.root_cause().to_string();
        if self.head.is_some() && GIVEN_AWAY.iter().any(|part| root.contains(part)) {
            return ResponseFault::Twice(root).into();
        }
        Stop::Error(error)
    }
}

/// Parts of wasmtime's errors for a handle that the guest does not have any more, and for one whose
/// index something else has got since; tests would notice if they changed.
const GIVEN_AWAY: [&str; 2] = ["unknown handle index", "used with the wrong type"];

/// Returns an error code as the contract of `wasi:http` writes it: `dns-timeout`, with the text of
/// an internal error.
fn code_name(code: &impl Debug, told: Option<&str>) -> String {
    if let Some(told) = told {
        return format!("internal-error ({told})");
    }
    let text = format!("{code:?}");
    let name = text.strip_prefix("ErrorCode::").unwrap_or(&text);
    let name = name.split(['(', ' ', '{']).next().unwrap_or(name);
    let kebab = name.char_indices().flat_map(|(at, letter)| {
        let dash = (at > 0 && letter.is_uppercase()).then_some('-');
        dash.into_iter().chain(letter.to_lowercase())
    });
    kebab.collect()
}
