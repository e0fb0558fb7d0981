//! Hand-written actors on tokio's mpsc, with its oneshot for the reply.

use crate::load::{Actor, MAILBOX, Payload};
use std::future::Future;
use tokio::sync::{mpsc, oneshot};

pub struct ByTokio<P>(mpsc::Sender<Told<P>>);

/// A message, and the sender for its reply; `None` for a `tell`.
struct Told<P>(P, Option<oneshot::Sender<P>>);

impl<P: Payload> Actor<P> for ByTokio<P> {
    async fn start() -> Self {
        let (sender, mut mailbox) = mpsc::channel(MAILBOX);
        tokio::spawn(async move {
            while let Some(Told(payload, reply)) = mailbox.recv().await {
                if let Some(reply) = reply {
                    let _ = reply.send(payload);
                }
            }
        });
        Self(sender)
    }

    async fn ask(&self, payload: P) -> impl Future<Output = P> + Send {
        let (reply, replied) = oneshot::channel();
        let sent = self.0.send(Told(payload, Some(reply))).await;
        assert!(sent.is_ok(), "the actor lives");
        async { replied.await.expect("the actor replies") }
    }

    async fn tell(&self, payload: P) {
        let sent = self.0.send(Told(payload, None)).await;
        assert!(sent.is_ok(), "the actor lives");
    }
}
