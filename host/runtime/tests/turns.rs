//! What clients get while a shard is busy with the messages of others.

use sandlab_runtime::messaging::{AgentOptions, Runtime, Settings};
use sandlab_runtime::{
    Agent, Backend, BackendKind, CallError, Fault, Handled, Identity, Message, Performative,
};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Starts an agent that is slow with its first message, and with the second waits until the reply
/// to the first has been seen.
struct Program {
    seen: Mutex<Option<Receiver<()>>>,
}

struct Waits {
    seen: Receiver<()>,
}

impl Backend for Program {
    fn kind(&self) -> BackendKind {
        BackendKind::Native
    }

    fn spawn(&self, _: Identity) -> Result<Box<dyn Agent>, Fault> {
        Ok(Box::new(Waits { seen: self.seen.lock().unwrap().take().unwrap() }))
    }
}

impl Agent for Waits {
    fn configure(&mut self, _: &[u8]) -> Result<Vec<Message>, CallError> {
        Ok(Vec::new())
    }

    fn handle(&mut self, message: &Message) -> Result<Handled, CallError> {
        match message.content.as_slice() {
            // More than a tick.
            b"first" => std::thread::sleep(Duration::from_millis(50)),
            _ => self.seen.recv_timeout(PATIENCE).expect("the first reply has come"),
        }
        let reply =
            Message { in_reply_to: Some(message.id), recipient: message.sender, ..message.clone() };
        Ok(Handled { replies: vec![reply], sent: Vec::new() })
    }
}

#[test]
fn a_reply_does_not_wait_for_the_slow_messages_behind_it() {
    let runtime = Runtime::start(Settings { shards: 1, ..Settings::default() }).unwrap();
    let (tell, seen): (SyncSender<()>, _) = sync_channel(1);
    let backend = Arc::new(Program { seen: Mutex::new(Some(seen)) });
    let agent = runtime.spawn(None, backend, AgentOptions::default()).unwrap();
    let mut connection = runtime.connect(2);
    for content in ["first", "second"] {
        connection.send(agent, Performative::Request, content.as_bytes().to_vec()).unwrap();
    }
    connection.flush();
    let executor = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut next = || executor.block_on(connection.next()).unwrap().1.unwrap();
    assert_eq!(next().content, b"first");
    tell.send(()).unwrap();
    assert_eq!(next().content, b"second");
}
