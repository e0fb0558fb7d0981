//! Ractor, whose mailboxes have no bound.

use crate::load;
use crate::load::Payload;
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort, concurrency};
use std::future::Future;
use std::marker::PhantomData;

pub struct Echo<P>(PhantomData<P>);

/// A message, and the port for its reply; `None` for a `tell`.
pub struct Told<P>(P, Option<RpcReplyPort<P>>);

impl<P: Payload> Actor for Echo<P> {
    type Msg = Told<P>;
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Told<P>>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle(
        &self,
        _: ActorRef<Told<P>>,
        Told(payload, reply): Told<P>,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        if let Some(reply) = reply {
            let _ = reply.send(payload);
        }
        Ok(())
    }
}

impl<P: Payload> load::Actor<P> for ActorRef<Told<P>> {
    async fn start() -> Self {
        let started = Echo::spawn(None, Echo(PhantomData), ()).await;
        started.expect("the actor starts").0
    }

    async fn ask(&self, payload: P) -> impl Future<Output = P> + Send {
        let (reply, replied) = concurrency::oneshot();
        let sent = self.cast(Told(payload, Some(reply.into())));
        assert!(sent.is_ok(), "the actor lives");
        async { replied.await.expect("the actor replies") }
    }

    async fn tell(&self, payload: P) {
        let sent = self.cast(Told(payload, None));
        assert!(sent.is_ok(), "the actor lives");
    }
}
