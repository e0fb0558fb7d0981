//! Starts through the message path: what an agent gets that others can write to.

use super::clock::Clock;
use super::found::Phase;
use super::run::{MANY, Starting};
use crate::bundle::Subject;
use crate::sampling::backends;
use crate::sampling::fleet;
use crate::workload::Case;
use crate::workload::with_directory;
use crate::{Error, Result};
use sandlab_runtime::messaging::{AgentOptions, Connection, Runtime, Settings};
use sandlab_runtime::{
    AgentId, Backend, BackendKind, Handled, Message, Performative, SandboxConfig,
};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tempfile::TempDir;

pub struct Managed {
    connection: Mutex<Connection>,
    runtime: Runtime,
    backend: Arc<dyn Backend>,
    _directory: Option<TempDir>,
}

const NAME: &str = "the message path";

impl Managed {
    pub fn load(subject: &Subject, sandbox: &SandboxConfig, cases: &[Case]) -> Result<Self> {
        let (sandbox, directory) = with_directory(sandbox, cases)?;
        let runtime = fleet::start_runtime(Settings { shards: 1, ..Settings::default() })?;
        Ok(Self {
            connection: Mutex::new(runtime.connect(MANY as u32)),
            runtime,
            backend: backends::backend(subject, BackendKind::Wasm, &sandbox, cases)?,
            _directory: directory,
        })
    }

    pub fn one(&self, what: &Starting) -> Result<Clock> {
        let options = options(what);
        let mut clock = Clock::start();
        let spawned = self.runtime.spawn(None, self.backend.clone(), options);
        let agent = spawned?;
        clock.lap(Phase::Start, 1);
        self.greet(&[agent], what)?;
        clock.lap(Phase::FirstReply, 1);
        self.runtime.stop(agent);
        clock.lap(Phase::Drop, 1);
        clock.sum();
        Ok(clock)
    }

    pub fn many(&self, what: &Starting) -> Result<Clock> {
        let options = options(what);
        let mut clock = Clock::start();
        let spawned = self.runtime.spawn_many_on(0, &self.backend, &options, MANY);
        clock.lap(Phase::Start, MANY);
        let agents = spawned?;
        clock.skip();
        self.greet(&agents, what)?;
        clock.lap(Phase::FirstReply, MANY);
        clock.sum();
        for agent in agents {
            self.runtime.stop(agent);
        }
        Ok(clock)
    }

    /// Sends agents their first messages, all at once, and checks all that they answer.
    fn greet(&self, agents: &[AgentId], what: &Starting) -> Result<()> {
        let lost = |why: &dyn std::fmt::Display| Error::Path(format!("{NAME}: {why}"));
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let mut replies: HashMap<u64, Vec<Message>> = HashMap::new();
        for agent in agents {
            let request = what.exchange().request.content.clone();
            let sent = connection.send(*agent, Performative::Request, request);
            replies.insert(sent.map_err(|error| lost(&error))?, Vec::new());
        }
        loop {
            let heard = match connection.in_flight() {
                0 => connection.try_next(),
                _ => connection.wait(),
            };
            if let Some((id, answer)) = heard {
                let reply = answer.map_err(|error| lost(&error))?;
                replies.entry(id).or_default().push(reply);
            } else if connection.in_flight() == 0 {
                break;
            }
        }
        replies.into_values().try_for_each(|replies| {
            let sent = Vec::new();
            what.check(&Handled { replies, sent }, NAME)
        })
    }
}

fn options(what: &Starting) -> AgentOptions {
    let config = &what.case.config;
    AgentOptions { config: (!config.is_empty()).then(|| config.clone()), ..AgentOptions::default() }
}
