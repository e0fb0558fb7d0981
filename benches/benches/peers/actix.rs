//! Actix, whose actors stay on the thread that they start on: each of two arbiters has half of
//! them, and a task as its client. Only `do_send` sends without awaiting a reply, and its
//! mailbox has no bound.

use crate::load::{self, Payload, WORKERS, Workers};
use actix::{Actor, Addr, Arbiter, Context, Handler, Message, SystemRunner};
use std::future::Future;

pub struct Echo;

impl Actor for Echo {
    type Context = Context<Self>;
}

#[derive(Message)]
#[rtype(result = "Echoed<P>")]
struct Ask<P: 'static>(P);

#[derive(Message)]
#[rtype(result = "()")]
struct Tell<P>(P);

#[derive(actix::MessageResponse)]
struct Echoed<P>(P);

impl<P: Payload> Handler<Ask<P>> for Echo {
    type Result = Echoed<P>;

    fn handle(&mut self, ask: Ask<P>, _: &mut Context<Self>) -> Echoed<P> {
        Echoed(ask.0)
    }
}

impl<P: Payload> Handler<Tell<P>> for Echo {
    type Result = ();

    fn handle(&mut self, tell: Tell<P>, _: &mut Context<Self>) {
        drop(tell.0);
    }
}

impl<P: Payload> load::Actor<P> for Addr<Echo> {
    async fn start() -> Self {
        Echo.start()
    }

    async fn ask(&self, payload: P) -> impl Future<Output = P> + Send {
        let reply = self.send(Ask(payload));
        async { reply.await.expect("the actor replies").0 }
    }

    async fn tell(&self, payload: P) {
        self.do_send(Tell(payload));
    }
}

/// The arbiters, and the system that they belong to.
pub struct Arbiters {
    arbiters: Vec<Arbiter>,
    _system: SystemRunner,
}

impl Arbiters {
    pub fn start() -> Self {
        let system = actix::System::new();
        Self { arbiters: (0..WORKERS).map(|_| Arbiter::new()).collect(), _system: system }
    }
}

impl Workers for Arbiters {
    fn spawn(&self, worker: usize, work: impl Future<Output = ()> + Send + 'static) {
        assert!(self.arbiters[worker].spawn(work), "the arbiter lives");
    }
}

impl Drop for Arbiters {
    fn drop(&mut self) {
        for arbiter in self.arbiters.drain(..) {
            arbiter.stop();
            let _ = arbiter.join();
        }
    }
}
