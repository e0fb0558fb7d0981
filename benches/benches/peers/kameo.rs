//! Kameo, with its default mailbox of 64 messages.

use crate::load;
use crate::load::Payload;
use kameo::actor::{ActorRef, Spawn};
use kameo::message::{Context, Message};
use std::future::Future;

#[derive(kameo::Actor)]
pub struct Echo;

pub struct Ask<P>(P);
pub struct Tell<P>(P);

#[derive(kameo::Reply)]
pub struct Echoed<P: Payload>(P);

impl<P: Payload> Message<Ask<P>> for Echo {
    type Reply = Echoed<P>;

    async fn handle(&mut self, ask: Ask<P>, _: &mut Context<Self, Echoed<P>>) -> Echoed<P> {
        Echoed(ask.0)
    }
}

impl<P: Payload> Message<Tell<P>> for Echo {
    type Reply = ();

    async fn handle(&mut self, tell: Tell<P>, _: &mut Context<Self, ()>) {
        drop(tell.0);
    }
}

impl<P: Payload> load::Actor<P> for ActorRef<Echo> {
    async fn start() -> Self {
        Echo::spawn(Echo)
    }

    async fn ask(&self, payload: P) -> impl Future<Output = P> + Send {
        let queued = ActorRef::ask(self, Ask(payload)).enqueue().await;
        let Ok(reply) = queued else {
            panic!("the actor lives");
        };
        async {
            let Ok(Echoed(payload)) = reply.await else {
                panic!("the actor replies");
            };
            payload
        }
    }

    async fn tell(&self, payload: P) {
        let sent = ActorRef::tell(self, Tell(payload)).send().await;
        assert!(sent.is_ok(), "the actor lives");
    }
}
