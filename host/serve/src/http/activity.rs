//! The activity of a connection, by which idle ones are closed.

use axum::body::{Body, HttpBody};
use http_body::Frame;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// The requests of a connection that are in progress, and when the last one ended.
pub struct Activity {
    requests: AtomicU64,
    started: Instant,
    /// Milliseconds from the start.
    last: AtomicU64,
}

impl Activity {
    pub fn new() -> Arc<Self> {
        let (requests, last) = (AtomicU64::new(0), AtomicU64::new(0));
        Arc::new(Self { requests, started: Instant::now(), last })
    }

    /// Notes a request, which is in progress until the guard is dropped.
    pub fn request(self: &Arc<Self>) -> InProgress {
        self.requests.fetch_add(1, Relaxed);
        InProgress(self.clone())
    }

    /// Waits until no request has been in progress for this time.
    pub async fn idle(&self, long: Duration) {
        loop {
            let since = self.started.elapsed().saturating_sub(self.last());
            match long.checked_sub(since) {
                _ if self.requests.load(Relaxed) > 0 => tokio::time::sleep(long).await,
                // A clock of milliseconds is up to one behind.
                Some(left) => tokio::time::sleep(left + Duration::from_millis(1)).await,
                None => return,
            }
        }
    }

    fn last(&self) -> Duration {
        Duration::from_millis(self.last.load(Relaxed))
    }
}

/// A request in progress.
pub struct InProgress(Arc<Activity>);

impl InProgress {
    /// Returns a body until whose end the request is in progress.
    pub fn until_end_of(self, body: Body) -> Body {
        Body::new(Guarded { body, _request: self })
    }
}

impl Drop for InProgress {
    fn drop(&mut self) {
        let now = self.0.started.elapsed().as_millis();
        self.0.last.store(u64::try_from(now).unwrap_or(u64::MAX), Relaxed);
        self.0.requests.fetch_sub(1, Relaxed);
    }
}

struct Guarded {
    body: Body,
    _request: InProgress,
}

impl HttpBody for Guarded {
    type Data = <Body as HttpBody>::Data;
    type Error = <Body as HttpBody>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }
}
