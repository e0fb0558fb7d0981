//! Services: a message is a request to `wasi:http/incoming-handler`.

use super::fault::ResponseFault;
use super::guest::Guest;
use super::http::{LastRequest, encode_response};
use super::instance::{Live, Stop};
use crate::{Failure, SandboxConfig};
use bytes::Bytes;
use http::response::Parts;
use http_body_util::{BodyExt, Full};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use tokio::sync::oneshot;
use wasmtime::Error;
use wasmtime::component::{Instance as Linked, InstancePre};
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::p2::bindings::exports::wasi::http::incoming_handler as handler;
use wasmtime_wasi_http::p2::bindings::http::types::{ErrorCode, Scheme};
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;

/// A service's export `incoming-handler`, looked up once for all instances.
pub(super) struct Service(handler::GuestIndices);

/// The parts of its response that the guest has set until now.
#[derive(Default)]
struct Answer {
    head: Option<Result<Parts, ErrorCode>>,
    body: Vec<u8>,
    /// Set once the body has ended.
    is_whole: bool,
}

type Sent = Result<http::Response<HyperOutgoingBody>, ErrorCode>;

impl Service {
    pub fn find(pre: &InstancePre<Guest>) -> Result<Self, Error> {
        handler::GuestIndices::new(pre).map(Self)
    }

    pub fn load(
        &self,
        store: &mut wasmtime::Store<Guest>,
        linked: &Linked,
    ) -> Result<handler::Guest, Error> {
        self.0.load(store, linked)
    }

    /// Sends a request and waits until the handler has returned, since what it does after its
    /// response is part of what the request costs.
    pub async fn respond(
        &self,
        live: &mut Live,
        last: &mut LastRequest,
        config: &SandboxConfig,
        content: &[u8],
    ) -> Result<Vec<u8>, Stop> {
        let request = last.read(content).map_err(Stop::not_understood)?;
        let guest = match live.handler.take() {
            Some(guest) => guest,
            None => self.load(&mut live.store, &live.linked)?,
        };
        let (sender, receiver) = oneshot::channel();
        let mut http = live.store.data_mut().http();
        let request = http.new_incoming_request(Scheme::Http, request.map(Full::new))?;
        let outparam = http.new_response_outparam(sender)?;

        let mut answer = Answer::default();
        let limit = config.result_limit.as_u64();
        let handled = {
            let call = pin!(guest.call_handle(&mut live.store, request, outparam));
            let answered = pin!(answer.receive(receiver, limit));
            tokio::time::timeout(config.deadline, both(call, answered)).await
        };
        live.handler = Some(guest);
        match handled {
            Err(_) if answer.head.is_none() => Err(ResponseFault::Late(config.deadline).into()),
            Err(_) if answer.is_whole => Err(ResponseFault::Unreturned(config.deadline).into()),
            Err(_) => Err(ResponseFault::Unfinished(config.deadline).into()),
            Ok(Err(Stop::Error(error))) => Err(answer.explain(error)),
            Ok(Err(stop)) => Err(stop),
            Ok(Ok(())) => match answer.head {
                None => Err(ResponseFault::Missing.into()),
                Some(Ok(head)) => Ok(encode_response(&head, answer.body)),
                Some(Err(code)) => Err(Stop::Failure(Failure::Internal(format!(
                    "the service answered with the error code {} in place of a response",
                    code_name(&code)
                )))),
            },
        }
    }
}

/// Returns an error code as the contract of `wasi:http` writes it: `dns-timeout`, with the text of
/// an internal error.
fn code_name(code: &ErrorCode) -> String {
    if let ErrorCode::InternalError(Some(text)) = code {
        return format!("internal-error ({text})");
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

/// Runs a call, and takes what it answers meanwhile: a guest that has filled its stream waits
/// until somebody reads. When the call has returned, no more can come.
async fn both(
    mut call: Pin<&mut impl Future<Output = Result<(), Error>>>,
    mut answered: Pin<&mut impl Future<Output = Result<(), Stop>>>,
) -> Result<(), Stop> {
    let mut is_whole = false;
    let returned = tokio::select! {
        biased;
        returned = &mut call => returned,
        received = &mut answered => {
            received?;
            is_whole = true;
            call.await
        }
    };
    let mut received = Ok(());
    if !is_whole && let Poll::Ready(rest) = answered.poll(&mut Context::from_waker(Waker::noop())) {
        received = rest;
    }
    returned?;
    received
}

impl Answer {
    async fn receive(&mut self, sent: oneshot::Receiver<Sent>, limit: u64) -> Result<(), Stop> {
        // A sender that is gone leaves no head, which is told when the call has returned.
        let Ok(sent) = sent.await else {
            return Ok(());
        };
        let (head, mut body) = match sent {
            Ok(response) => response.into_parts(),
            Err(code) => {
                self.head = Some(Err(code));
                return Ok(());
            }
        };
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
    fn explain(&self, error: Error) -> Stop {
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
