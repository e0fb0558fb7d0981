//! Native twins on sandlab's message path: two shards, and a client on each, with a pipelined
//! connection of its own. Content is a `Vec<u8>`, so that each message is a copy of a shared
//! `Bytes`. By value the twin is `echo`, and the C ABI copies once on the way in and once on the
//! way out, as for a component; as a parcel the content moves, as it does between the peers'
//! actors, and the twin is `relay`, configured to reply.

use crate::load::{Kind, Library, Load, Payload, Share, WORKERS, check};
use sandlab::bundle::find;
use sandlab_runtime::messaging::{AgentOptions, Connection, Runtime, Settings, Strategy};
use sandlab_runtime::native::Twin;
use sandlab_runtime::{AgentId, Backend, Performative, SandboxConfig};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

/// The shards of the agents.
#[derive(Clone, Copy)]
pub enum Placement {
    /// All shards in turn.
    Spread,
    /// The shard of their client: agents and clients that talk much should share one.
    WithClient,
}

pub struct Path {
    runtime: Runtime,
    agents: Arc<[AgentId]>,
}

impl Path {
    pub fn start(agents: usize, kind: Kind, placement: Placement, strategy: Strategy) -> Self {
        let runtime = Runtime::start(Settings { shards: WORKERS, ..Settings::default() });
        let runtime = runtime.expect("two threads");
        let (name, config) = match strategy {
            Strategy::ZeroCopy => ("relay", Some(b"answer".to_vec())),
            _ => ("echo", None),
        };
        let twin = find(name, &mut |_| {}).ok().and_then(|subject| subject.twin());
        let Some(twin) = twin else {
            panic!("{name} is not built; run `make guests` first");
        };
        let twin = Twin::load(&twin, &SandboxConfig::default()).expect("it loads");
        let options = AgentOptions { config, strategy, ..AgentOptions::default() };
        let twin: Arc<dyn Backend> = Arc::new(twin);
        let start = |index| {
            let shard = match placement {
                Placement::Spread => index % WORKERS,
                Placement::WithClient => kind.home(index, agents),
            };
            let started = runtime.spawn_on(shard, None, twin.clone(), options.clone());
            started.expect("it starts")
        };
        Self { agents: (0..agents).map(start).collect(), runtime }
    }
}

impl<P: Payload> Library<P> for Path {
    fn run(&self, load: &Load<P>) -> Duration {
        let (sender, done) = mpsc::channel();
        let start = Instant::now();
        let shares = load.shares(self.agents.len());
        let clients = shares.len();
        for share in shares {
            let connection = self.runtime.connect(share.in_flight as u32);
            let (sender, agents) = (sender.clone(), self.agents.clone());
            self.runtime.run_on(share.worker, async move {
                client(connection, &agents[share.actors.clone()], share).await;
                sender.send(()).expect("it is awaited");
            });
        }
        drop(sender);
        assert_eq!(done.iter().count(), clients, "a client failed");
        start.elapsed()
    }
}

async fn client<P: Payload>(mut connection: Connection, agents: &[AgentId], share: Share<P>) {
    let (performative, replies) = match share.kind {
        Kind::Ask(_) => (Performative::Request, share.messages),
        Kind::Tell => (Performative::Inform, 0),
    };
    let mut to_send = agents.iter().cycle().take(share.messages).peekable();
    let mut replied = 0;
    while to_send.peek().is_some() || connection.in_flight() > 0 || replied < replies {
        while connection.in_flight() < connection.window()
            && let Some(agent) = to_send.next()
        {
            let sent = connection.send(*agent, performative, share.payload.clone());
            sent.expect("there is room in the window");
        }
        let first = connection.next().await;
        let rest = std::iter::from_fn(|| connection.try_next());
        for (_, reply) in first.into_iter().chain(rest) {
            check(&reply.expect("the agent replies").content, &share.payload);
            replied += 1;
        }
    }
}
