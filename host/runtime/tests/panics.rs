//! A backend of somebody's own may panic: it takes its agent along, and nothing else.

use sandlab_runtime::messaging::{AgentOptions, Connection, DeliveryError, Runtime, Settings};
use sandlab_runtime::{
    Agent, AgentId, Backend, BackendKind, CallError, Fault, Handled, Identity, Message,
    Performative,
};
use std::sync::Arc;
use std::time::Duration;

/// Starts agents that panic when they are told to, or when they are dropped.
struct Program {
    when_dropped: bool,
}

struct Panics {
    when_dropped: bool,
}

impl Backend for Program {
    fn kind(&self) -> BackendKind {
        BackendKind::Native
    }

    fn spawn(&self, _: Identity) -> Result<Box<dyn Agent>, Fault> {
        Ok(Box::new(Panics { when_dropped: self.when_dropped }))
    }
}

impl Agent for Panics {
    fn configure(&mut self, _: &[u8]) -> Result<Vec<Message>, CallError> {
        Ok(Vec::new())
    }

    fn handle(&mut self, message: &Message) -> Result<Handled, CallError> {
        assert!(message.content != b"panic", "as it was told");
        let reply =
            Message { in_reply_to: Some(message.id), recipient: message.sender, ..message.clone() };
        Ok(Handled { replies: vec![reply], sent: Vec::new() })
    }
}

impl Drop for Panics {
    fn drop(&mut self) {
        assert!(!self.when_dropped, "as it was made to");
    }
}

fn runtime() -> Runtime {
    let settings = Settings { shards: 1, ..Settings::default() };
    Runtime::start(settings).unwrap()
}

fn start(runtime: &Runtime, when_dropped: bool) -> AgentId {
    let backend = Arc::new(Program { when_dropped });
    let spawned = runtime.spawn(None, backend, AgentOptions::default());
    spawned.unwrap()
}

fn outcome(
    connection: &mut Connection,
    agent: AgentId,
    content: &str,
) -> Result<(), DeliveryError> {
    let sent = connection.send(agent, Performative::Request, content);
    sent.unwrap();
    loop {
        if let Some((_, outcome)) = connection.wait() {
            return outcome.map(drop);
        }
    }
}

#[test]
fn an_agent_that_panics_in_its_backend_is_started_again_and_accounted_for() {
    let runtime = runtime();
    let (agent, neighbour) = (start(&runtime, false), start(&runtime, false));
    let mut connection = runtime.connect(4);
    let ended = outcome(&mut connection, agent, "panic").unwrap_err();
    assert!(ended.to_string().contains("panicked"), "{ended}");
    assert_eq!(outcome(&mut connection, agent, "well?"), Ok(()));
    assert_eq!(outcome(&mut connection, neighbour, "well?"), Ok(()));
    let accounts = runtime.shutdown(Duration::from_secs(10));
    assert!(accounts.is_balanced(), "{accounts:?}");
    assert_eq!((accounts.handled, accounts.failed), (2, 1));
}

#[test]
fn a_shard_that_panics_leaves_nobody_waiting() {
    let runtime = runtime();
    let agent = start(&runtime, true);
    let mut connection = runtime.connect(4);
    assert_eq!(outcome(&mut connection, agent, "well?"), Ok(()));
    assert!(!runtime.stop(agent), "nobody can say that it was stopped");
    assert_eq!(runtime.accounts().agents, 0);
    let backend = Arc::new(Program { when_dropped: false });
    let refused = runtime.spawn(None, backend, AgentOptions::default());
    assert!(refused.is_err());
    assert!(outcome(&mut connection, agent, "well?").is_err());
}
