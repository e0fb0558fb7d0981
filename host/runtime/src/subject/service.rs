//! Services: a message is a request to `wasi:http/incoming-handler`, or to the `wasi:http/handler` of
//! WASI 0.3.

use super::answer::Answer;
use super::http::LastRequest;
use super::instance::{Live, Stop};
use crate::SandboxConfig;
use crate::wasm::state::State;
use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use tokio::sync::oneshot;
use tokio::time::timeout;
use wasmtime::Error;
use wasmtime::component::InstancePre;
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::p2::bindings::exports::wasi::http::incoming_handler as handler;
use wasmtime_wasi_http::p2::bindings::http::types::{ErrorCode, Scheme};
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;
use wasmtime_wasi_http::p3;

/// A service's export, looked up once for all instances.
pub(super) enum Service {
    /// The `incoming-handler` of WASI 0.2.
    Second(handler::GuestIndices),
    /// The `handler` of WASI 0.3.
    Third(p3::bindings::ServiceIndices),
}

type Sent = Result<http::Response<HyperOutgoingBody>, ErrorCode>;

impl Service {
    pub fn find(pre: &InstancePre<State>, is_third: bool) -> Result<Self, Error> {
        Ok(match is_third {
            true => Self::Third(p3::bindings::ServiceIndices::new(pre)?),
            false => Self::Second(handler::GuestIndices::new(pre)?),
        })
    }

    /// Sends a request and waits for the response to its end.
    pub async fn respond(
        &self,
        live: &mut Live,
        last: &mut LastRequest,
        config: &SandboxConfig,
        content: &[u8],
    ) -> Result<Vec<u8>, Stop> {
        let request = last.read(content).map_err(Stop::not_understood)?;
        let mut answer = Answer::default();
        let limit = config.result_limit.as_u64();
        let handled = match self {
            Self::Second(handler) => {
                let handled = call_second(handler, live, request, &mut answer, limit);
                timeout(config.deadline, handled).await
            }
            Self::Third(service) => {
                let handled = call_third(service, live, request, &mut answer, limit);
                timeout(config.deadline, handled).await
            }
        };
        match handled {
            Err(_) => Err(answer.late(config.deadline).into()),
            // WASI 0.3 has no handle that a second response could be given to.
            Ok(Err(Stop::Error(error))) if matches!(self, Self::Second(_)) => {
                Err(answer.explain(error))
            }
            Ok(Err(stop)) => Err(stop),
            Ok(Ok(())) => answer.content(),
        }
    }
}

/// Waits until the handler has returned, since what it does after its response is part of what the
/// request costs.
async fn call_second(
    handler: &handler::GuestIndices,
    live: &mut Live,
    request: Request<Bytes>,
    answer: &mut Answer,
    limit: u64,
) -> Result<(), Stop> {
    let guest = match live.handler.take() {
        Some(guest) => guest,
        None => handler.load(&mut live.store, &live.linked)?,
    };
    let guest = live.handler.insert(guest);
    let (sender, receiver) = oneshot::channel();
    let mut http = live.store.data_mut().http();
    let request = http.new_incoming_request(Scheme::Http, request.map(Full::new))?;
    let outparam = http.new_response_outparam(sender)?;
    let call = pin!(guest.call_handle(&mut live.store, request, outparam));
    let answered = pin!(receive(answer, receiver, limit));
    both(call, answered).await
}

async fn receive(
    answer: &mut Answer,
    sent: oneshot::Receiver<Sent>,
    limit: u64,
) -> Result<(), Stop> {
    match sent.await {
        // A sender that is gone leaves no head, which is told when the call has returned.
        Err(_) => Ok(()),
        Ok(Ok(response)) => answer.read(response, limit).await,
        Ok(Err(code)) => {
            let told = match &code {
                ErrorCode::InternalError(text) => text.as_deref(),
                _ => None,
            };
            answer.refuse(&code, told);
            Ok(())
        }
    }
}

/// Waits for the body's end. What the handler still does after that is done with the next request,
/// if its instance gets one.
async fn call_third(
    service: &p3::bindings::ServiceIndices,
    live: &mut Live,
    request: Request<Bytes>,
    answer: &mut Answer,
    limit: u64,
) -> Result<(), Stop> {
    use p3::bindings::http::types::ErrorCode;
    let service = service.load(&mut live.store, &live.linked)?;
    let hooks = live.store.data_mut().http().hooks;
    let (request, _sent) = p3::Request::from_http(hooks, request.map(Full::new));
    let handled =
        live.store.run_concurrent(async |store| match service.handle(store, request).await? {
            Ok(response) => {
                let received = async { Ok(()) };
                let response = store.with(|store| response.into_http(store, received))?;
                answer.read(response, limit).await
            }
            Err(code) => {
                let told = match &code {
                    ErrorCode::InternalError(text) => text.as_deref(),
                    _ => None,
                };
                answer.refuse(&code, told);
                Ok(())
            }
        });
    handled.await?
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
