//! A service that answers, or fails to, as the path says.

#![allow(missing_docs)]

use std::io::{Read, Write};
use std::sync::atomic::{AtomicU32, Ordering};
use wasip2::clocks::monotonic_clock;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    ErrorCode, Fields, IncomingRequest, OutgoingBody, OutgoingRequest, OutgoingResponse,
    ResponseOutparam, Scheme,
};

struct Service;

wasip2::http::proxy::export!(Service);

static REQUESTS: AtomicU32 = AtomicU32::new(0);

impl wasip2::exports::http::incoming_handler::Guest for Service {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let before = REQUESTS.fetch_add(1, Ordering::Relaxed);
        let path = request.path_with_query().unwrap_or_default();
        match path.as_str() {
            "/" => respond(out, 200, b"hello"),
            "/echo" => {
                let body = request.consume().unwrap();
                let mut bytes = Vec::new();
                body.stream().unwrap().read_to_end(&mut bytes).unwrap();
                respond(out, 201, &bytes);
            }
            "/count" => respond(out, 200, before.to_string().as_bytes()),
            "/header" => {
                let value = request.headers().get("x-name").concat();
                respond(out, 200, &value);
            }
            "/large" => respond(out, 200, &vec![b'x'; 1_000_000]),
            "/call-out" => respond(out, 200, call_out().as_bytes()),
            "/silent" => {}
            "/blocked" => monotonic_clock::subscribe_duration(60_000_000_000).block(),
            "/busy" => loop {
                std::hint::black_box(0);
            },
            "/error" => ResponseOutparam::set(out, Err(ErrorCode::LoopDetected)),
            "/twice" => {
                let handle = out.take_handle();
                // What a careless guest does by itself: bindings of other languages do not stop it.
                let (first, second) = unsafe {
                    (ResponseOutparam::from_handle(handle), ResponseOutparam::from_handle(handle))
                };
                respond(first, 200, b"first");
                respond(second, 200, b"second");
            }
            "/endless" => {
                let body = begin(out, 200);
                let mut stream = body.write().unwrap();
                loop {
                    stream.write_all(&[b'x'; 4_096]).unwrap();
                }
            }
            "/unfinished" => {
                let _body = begin(out, 200);
                monotonic_clock::subscribe_duration(60_000_000_000).block();
            }
            "/early" => {
                let body = begin(out, 200);
                body.write().unwrap().write_all(b"half").unwrap();
                drop(body);
            }
            "/lingering" => {
                respond(out, 200, b"all of it");
                monotonic_clock::subscribe_duration(60_000_000_000).block();
            }
            "/panic" => panic!("no such path"),
            _ => respond(out, 404, b""),
        }
    }
}

fn begin(out: ResponseOutparam, status: u16) -> OutgoingBody {
    let headers = Fields::new();
    headers.append("content-type", b"text/plain").unwrap();
    let response = OutgoingResponse::new(headers);
    response.set_status_code(status).unwrap();
    let body = response.body().unwrap();
    ResponseOutparam::set(out, Ok(response));
    body
}

fn respond(out: ResponseOutparam, status: u16, bytes: &[u8]) {
    let body = begin(out, status);
    let mut stream = body.write().unwrap();
    stream.write_all(bytes).unwrap();
    drop(stream);
    OutgoingBody::finish(body, None).unwrap();
}

fn call_out() -> String {
    let request = OutgoingRequest::new(Fields::new());
    request.set_scheme(Some(&Scheme::Http)).unwrap();
    request.set_authority(Some("example.invalid:81")).unwrap();
    request.set_path_with_query(Some("/secret")).unwrap();
    let response = match outgoing_handler::handle(request, None) {
        Ok(response) => response,
        Err(code) => return format!("{code:?}"),
    };
    response.subscribe().block();
    match response.get() {
        Some(Ok(Ok(response))) => response.status().to_string(),
        Some(Ok(Err(code))) => format!("{code:?}"),
        _ => "nothing".to_owned(),
    }
}
