//! A service in Rust, with wstd.

mod faults;
mod order;

use std::time::SystemTime;
use wstd::http::body::Body;
use wstd::http::{HeaderValue, Request, Response, Result, StatusCode};

#[wstd::http_server]
async fn main(mut request: Request<Body>) -> Result<Response<Body>> {
    faults::leak();
    faults::burn(1_800);
    let route = format!("{} {}", request.method(), request.uri().path());
    match route.as_str() {
        "GET /" => Ok(text(StatusCode::OK, "hello from Rust\n".to_owned())),
        "GET /now" => {
            let now = humantime::format_rfc3339_millis(SystemTime::now());
            Ok(text(StatusCode::OK, format!("{now}\n")))
        }
        "POST /echo" => {
            let kind = request.headers().get("content-type").cloned();
            let kind = kind.unwrap_or(HeaderValue::from_static("application/octet-stream"));
            let body = request.body_mut().contents().await?.to_vec();
            faults::burn(1_200);
            Ok(respond(StatusCode::OK, kind, body))
        }
        "POST /order" => {
            let body = request.body_mut().contents().await?;
            faults::burn(1_200 + 8 * body.len());
            Ok(match order::total(body) {
                Ok(answer) => {
                    respond(StatusCode::OK, HeaderValue::from_static("application/json"), answer)
                }
                Err(reason) => text(StatusCode::BAD_REQUEST, format!("{reason}\n")),
            })
        }
        _ => Ok(text(StatusCode::NOT_FOUND, format!("there is nothing at {route}\n"))),
    }
}

fn text(status: StatusCode, body: String) -> Response<Body> {
    respond(status, HeaderValue::from_static("text/plain"), body.into_bytes())
}

fn respond(status: StatusCode, kind: HeaderValue, body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert("content-type", kind);
    response
}
