//! One connection.

use super::activity::Activity;
use super::messages::EVENT_STREAM;
use crate::config::Limits;
use axum::Router;
use http::header::CONTENT_TYPE;
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use std::pin::pin;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

/// The interval between pings to an HTTP/2 client, and the timeout of each.
const PING: Duration = Duration::from_secs(20);

/// Serves the requests of a connection, until the client closes it, does not use it for too long,
/// or the server closes.
pub async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    limits: &Limits,
    mut closing: watch::Receiver<bool>,
) {
    let activity = Activity::new();
    let router = TowerToHyperService::new(router);
    let service = service_fn(|request: http::Request<Incoming>| {
        let in_progress = activity.request();
        let response = router.call(request);
        async move {
            let response = response.await?;
            // Any other response has been made by now, and is only to be sent.
            let is_stream = response.headers().get(CONTENT_TYPE).is_some_and(|t| t == EVENT_STREAM);
            Ok::<_, std::convert::Infallible>(match is_stream {
                true => response.map(|body| in_progress.until_end_of(body)),
                false => response,
            })
        }
    });
    let mut builder = Builder::new(TokioExecutor::new());
    let headers = usize::try_from(limits.headers.as_u64()).unwrap_or(usize::MAX);
    builder.http1().max_buf_size(headers).half_close(true).header_read_timeout(None);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(u32::try_from(headers).unwrap_or(u32::MAX))
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let mut closed = pin!(async { closing.wait_for(|closing| *closing).await.is_ok() });
    let mut is_closing = false;
    loop {
        tokio::select! {
            // An error is the client's, which has no answer to it any more.
            _ = connection.as_mut() => return,
            () = activity.idle(limits.header_time) => return,
            _ = closed.as_mut(), if !is_closing => {
                is_closing = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}
