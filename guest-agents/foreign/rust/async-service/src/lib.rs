//! A service of WASI 0.3: its handler is async, and so are its bodies.

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, Full};
use std::pin::Pin;
use std::task::{Context, Poll};
use wasip3::clocks::monotonic_clock::wait_for;
use wasip3::exports::http::handler::Guest;
use wasip3::http::types::{ErrorCode, Request, Response};
use wasip3::http_compat::{http_from_wasi_request, http_into_wasi_response};

struct Service;
wasip3::http::service::export!(Service);

impl Guest for Service {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let request = http_from_wasi_request(request)?;
        let route = (request.method().clone(), request.uri().path().to_owned());
        let answer = match (&route.0, route.1.as_str()) {
            (&Method::GET, "/") => text(StatusCode::OK, "hello from WASI 0.3\n".to_owned()),
            (&Method::GET, "/wait") => {
                wait_for(1_000_000).await;
                text(StatusCode::OK, "a millisecond later\n".to_owned())
            }
            (&Method::GET, "/stuck") => {
                wait_for(3_600_000_000_000).await;
                text(StatusCode::OK, "an hour later\n".to_owned())
            }
            (&Method::GET, "/endless") => {
                return http_into_wasi_response(http::Response::new(Endless));
            }
            (&Method::GET, "/refuse") => {
                return Err(ErrorCode::InternalError(Some("not today".to_owned())));
            }
            (&Method::GET, "/trap") => panic!("asked to"),
            (&Method::POST, "/echo") => {
                let kind = request.headers().get("content-type").cloned();
                let body = request.into_body().collect().await?.to_bytes();
                let mut response = http::Response::new(Full::new(body));
                if let Some(kind) = kind {
                    response.headers_mut().insert("content-type", kind);
                }
                response
            }
            (method, path) => {
                text(StatusCode::NOT_FOUND, format!("there is nothing at {method} {path}\n"))
            }
        };
        http_into_wasi_response(answer)
    }
}

/// A body that never ends.
struct Endless;

impl http_body::Body for Endless {
    type Data = Bytes;
    type Error = ErrorCode;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ErrorCode>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'x'; 4096])))))
    }
}

fn text(status: StatusCode, body: String) -> http::Response<Full<Bytes>> {
    let mut response = http::Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert("content-type", HeaderValue::from_static("text/plain"));
    response
}
