//! Hand-written actors on flume, with tokio's oneshot for the reply: flume has none.

use crate::load::{Actor, MAILBOX, Payload};
use flume::Sender;
use std::future::Future;
use tokio::sync::oneshot;

pub struct ByFlume<P>(Sender<Told<P>>);

/// A message, and the sender for its reply; `None` for a `tell`.
struct Told<P>(P, Option<oneshot::Sender<P>>);

impl<P: Payload> Actor<P> for ByFlume<P> {
    async fn start() -> Self {
        let (sender, mailbox) = flume::bounded(MAILBOX);
        tokio::spawn(async move {
            while let Ok(Told(payload, reply)) = mailbox.recv_async().await {
                if let Some(reply) = reply {
                    let _ = reply.send(payload);
                }
            }
        });
        Self(sender)
    }

    async fn ask(&self, payload: P) -> impl Future<Output = P> + Send {
        let (reply, replied) = oneshot::channel();
        let sent = self.0.send_async(Told(payload, Some(reply))).await;
        assert!(sent.is_ok(), "the actor lives");
        async { replied.await.expect("the actor replies") }
    }

    async fn tell(&self, payload: P) {
        let sent = self.0.send_async(Told(payload, None)).await;
        assert!(sent.is_ok(), "the actor lives");
    }
}
