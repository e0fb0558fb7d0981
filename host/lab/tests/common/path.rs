//! What the tests of the message path share.

use super::bundle;
use sandlab_runtime::config::Calls;
use sandlab_runtime::messaging::{
    Accounts, AgentOptions, Connection, DeliveryError, Runtime, Settings, Strategy,
};
use sandlab_runtime::{AgentId, Backend, Message, Performative, SandboxConfig};
use sandlab_runtime::{native::Twin, wasm::Sandbox};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub type Outcome = Result<Message, DeliveryError>;

pub fn wasm(name: &str, sandbox: &SandboxConfig) -> Arc<dyn Backend> {
    Arc::new(Sandbox::load(&bundle(name).component(), sandbox).unwrap())
}

/// An agent in the sandbox, there on a fiber, and as a twin.
pub fn all_ways(name: &str) -> [Arc<dyn Backend>; 3] {
    let fiber = SandboxConfig { calls: Calls::Async, ..SandboxConfig::default() };
    let sync = SandboxConfig { calls: Calls::Sync, ..SandboxConfig::default() };
    let twin = Twin::load(&bundle(name).twin(), &SandboxConfig::default()).unwrap();
    [wasm(name, &sync), wasm(name, &fiber), Arc::new(twin)]
}

pub fn runtime(shards: usize) -> Runtime {
    let settings = Settings { shards, ..Settings::default() };
    Runtime::start(settings).unwrap()
}

pub fn parcels(config: &str) -> AgentOptions {
    AgentOptions {
        config: (!config.is_empty()).then(|| config.as_bytes().to_vec()),
        strategy: Strategy::ZeroCopy,
        ..AgentOptions::default()
    }
}

pub fn at_rest(runtime: &Runtime) -> Accounts {
    let accounts = runtime.quiesce(Instant::now() + Duration::from_secs(20));
    assert!(accounts.is_balanced() && accounts.queued == 0, "{accounts:?}");
    accounts
}

/// Sends all of these at once, and returns what came back for each, in the order of sending.
pub fn outcomes(connection: &mut Connection, agent: AgentId, contents: &[&str]) -> Vec<Outcome> {
    for content in contents {
        let sent = connection.send(agent, Performative::Request, *content);
        sent.unwrap();
    }
    let mut arrived = Vec::new();
    while arrived.len() < contents.len() {
        arrived.extend(connection.wait());
    }
    arrived.sort_by_key(|(id, _)| *id);
    arrived.into_iter().map(|(_, outcome)| outcome).collect()
}

pub fn ended(outcome: &Outcome) -> bool {
    matches!(outcome, Err(DeliveryError::Ended(_)))
}

pub fn content(outcome: &Outcome) -> &[u8] {
    match outcome {
        Ok(reply) => &reply.content,
        Err(why) => panic!("{why}"),
    }
}
