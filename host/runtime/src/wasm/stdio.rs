//! The guest's standard output and error, kept in memory within a budget. What a guest writes
//! before it dies, in whatever language, comes this way.

use crate::config::SandboxConfig;
use crate::{Budget, Cause};
use bytes::Bytes;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::io::AsyncWrite;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

/// The guest's output since the last call began. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Captured(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Set once anything was written. Most calls write nothing, and taking the lock in each would
    /// cost 2 % of the shortest.
    is_written: AtomicBool,
    text: Mutex<Text>,
}

#[derive(Debug, Default)]
struct Text {
    /// The last bytes, of both streams in the order in which they were written.
    bytes: Vec<u8>,
    /// Bytes that are kept; older ones are dropped.
    limit: usize,
    /// Bytes that the call has written, kept or not.
    written: u64,
    /// Bytes that a call may write.
    budget: u64,
}

impl Captured {
    pub fn new(config: &SandboxConfig) -> Self {
        let text = Text {
            bytes: Vec::new(),
            limit: usize::try_from(config.log.size.as_u64()).unwrap_or(usize::MAX),
            written: 0,
            budget: config.budgets.output.as_u64(),
        };
        Self(Arc::new(Inner { is_written: AtomicBool::new(false), text: Mutex::new(text) }))
    }

    pub fn clear(&self) {
        if self.0.is_written.load(Ordering::Relaxed) {
            self.0.is_written.store(false, Ordering::Relaxed);
            self.locked(|text| {
                text.bytes.clear();
                text.written = 0;
            });
        }
    }

    pub fn text(&self) -> String {
        self.locked(|text| String::from_utf8_lossy(&text.bytes).into_owned())
    }

    fn locked<R>(&self, use_it: impl FnOnce(&mut Text) -> R) -> R {
        use_it(&mut self.0.text.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl IsTerminal for Captured {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Captured {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(Sink(self.clone()))
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

/// Over the limit the oldest bytes are dropped, because a panic comes last; an error instead would
/// make a guest panic that only logs too much.
impl Output for Captured {
    fn append(&self, bytes: &[u8]) -> Result<(), Cause> {
        self.0.is_written.store(true, Ordering::Relaxed);
        self.locked(|text| {
            text.bytes.extend_from_slice(bytes);
            // Only at twice the limit, or a flood would move the whole text with every write.
            if text.bytes.len() > 2 * text.limit {
                text.bytes.drain(..text.bytes.len() - text.limit);
            }
            text.written += bytes.len() as u64;
            if text.written <= text.budget {
                return Ok(());
            }
            Err(Cause::OverBudget { budget: Budget::Output, limit: text.budget })
        })
    }
}

/// A guest's output in memory, which is always ready.
pub trait Output: Send + Sync {
    /// Takes what the guest writes.
    ///
    /// # Errors
    /// If it is over its budget.
    fn append(&self, bytes: &[u8]) -> Result<(), Cause>;
}

/// The output as a stream of WASI 0.3, where a guest over its budget gets an error for each
/// further write.
pub struct Sink<T>(pub T);

impl<T: Output> AsyncWrite for Sink<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = self.0.append(bytes).map(|()| bytes.len());
        Poll::Ready(written.map_err(|over| io::Error::other(over.to_string())))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// A guest of WASI 0.2 over its budget is ended.
#[async_trait]
impl OutputStream for Captured {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.append(&bytes).map_err(|over| StreamError::Trap(over.into()))
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(64 * 1024)
    }
}

#[async_trait]
impl Pollable for Captured {
    async fn ready(&mut self) {}
}
