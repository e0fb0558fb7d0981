//! Hand-written actors on crossfire's mpsc, with its oneshot for the reply.

use crate::load::{Actor, MAILBOX, Payload};
use crossfire::oneshot::{TxOneshot, oneshot};
use crossfire::{MAsyncTx, mpsc};
use std::future::Future;

pub struct ByCrossfire<P: Payload>(MAsyncTx<mpsc::Array<Told<P>>>);

/// A message, and the sender for its reply; `None` for a `tell`.
struct Told<P>(P, Option<TxOneshot<P>>);

impl<P: Payload> Actor<P> for ByCrossfire<P> {
    async fn start() -> Self {
        let (sender, mailbox) = mpsc::bounded_async(MAILBOX);
        tokio::spawn(async move {
            while let Ok(Told(payload, reply)) = mailbox.recv().await {
                if let Some(reply) = reply {
                    reply.send(payload);
                }
            }
        });
        Self(sender)
    }

    async fn ask(&self, payload: P) -> impl Future<Output = P> + Send {
        let (reply, replied) = oneshot();
        let sent = self.0.send(Told(payload, Some(reply))).await;
        assert!(sent.is_ok(), "the actor lives");
        async { replied.await.expect("the actor replies") }
    }

    async fn tell(&self, payload: P) {
        let sent = self.0.send(Told(payload, None)).await;
        assert!(sent.is_ok(), "the actor lives");
    }
}
