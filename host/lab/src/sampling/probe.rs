//! One message that many equal agents are sent, and what each must answer.

use crate::sampling::open_loop::{Reply, Script, Verdict};
use crate::workload::Case;
use crate::{Error, Result};
use sandlab_runtime::messaging::{AgentOptions, Connection};
use sandlab_runtime::{AgentId, Backend, CallError, Performative};
use std::collections::HashMap;

/// What each agent is told, and what it must answer.
#[derive(Debug, Clone)]
pub struct ProbeRequest {
    /// What it is configured with; nothing if empty.
    pub config: Vec<u8>,
    /// What it is sent.
    pub request: Vec<u8>,
    /// What it answered when it was alone, and was checked.
    pub replies: Vec<Vec<u8>>,
}

impl ProbeRequest {
    /// The first exchange of the case with messages of 1 KiB, or else of the first case, as
    /// one agent alone answers it.
    ///
    /// # Errors
    /// If that agent does not start, answers something else than it must, or nothing.
    pub fn of(agent: &str, backend: &dyn Backend, cases: &[Case]) -> Result<Self> {
        const SIZE: usize = 1_024;
        let side = backend.kind().to_string();
        let failed = |step: &str, source: CallError| Error::Call {
            agent: agent.to_owned(),
            side: side.clone(),
            step: step.to_owned(),
            source,
        };
        let of_size = cases.iter().filter(|case| case.size == Some(SIZE));
        let first = of_size.chain(cases).next();
        let found = first.and_then(|case| Some((case, case.exchanges.first()?)));
        let Some((case, exchange)) = found else {
            return Err(Error::Usage(format!("{agent} has no messages")));
        };
        let spawned = backend.spawn(case.identity());
        let mut instance = spawned.map_err(|fault| failed("when spawned", fault.into()))?;
        if !case.config.is_empty() {
            let configured = instance.configure(&case.config);
            configured.map_err(|error| failed("when configured", error))?;
        }
        let handled = instance
            .handle(&exchange.request)
            .map_err(|error| failed("at its first message", error))?;
        let checked = exchange.expected.check(&handled);
        checked.map_err(|reason| Error::WrongReply {
            agent: agent.to_owned(),
            side: side.clone(),
            step: "at its first message".to_owned(),
            reason,
        })?;
        if handled.replies.is_empty() {
            return Err(Error::Usage(format!(
                "{agent} does not answer its first message, so that nobody could tell whether \
                 it lives; give messages that it answers with `--workload`"
            )));
        }
        Ok(Self {
            config: case.config.clone(),
            request: exchange.request.content.clone(),
            replies: handled.replies.into_iter().map(|r| r.content).collect(),
        })
    }

    /// How an agent lives that is greeted so.
    pub fn options(&self) -> AgentOptions {
        AgentOptions {
            config: (!self.config.is_empty()).then(|| self.config.clone()),
            ..AgentOptions::default()
        }
    }

    /// Sends each its message, and checks what it answers. The connection has to be used
    /// for nothing else.
    ///
    /// # Errors
    /// In words, if one answers something else, or nothing.
    pub fn exchange(
        &self,
        connection: &mut Connection,
        mut agents: impl Iterator<Item = AgentId>,
    ) -> Result<(), String> {
        let mut answers: HashMap<u64, usize> = HashMap::new();
        loop {
            while answers.len() < connection.window() as usize
                && let Some(agent) = agents.next()
            {
                let request = self.request.clone();
                let sent = connection.send(agent, Performative::Request, request);
                answers.insert(sent.map_err(|error| error.to_string())?, 0);
            }
            if answers.is_empty() {
                return Ok(());
            }
            let Some((id, answer)) = connection.wait() else {
                continue;
            };
            let answer = answer.map_err(|error| error.to_string())?;
            let count = answers.entry(id).or_default();
            if self.replies.get(*count) != Some(&answer.content) {
                return Err("an agent did not answer what the first one had".to_owned());
            }
            *count += 1;
            if *count == self.replies.len() {
                answers.remove(&id);
            }
        }
    }
}

/// Agents that are greeted in turn, under an open loop. Each answers once.
pub struct Probed {
    probe: ProbeRequest,
    agents: Vec<AgentId>,
    next: usize,
}

impl Probed {
    /// # Errors
    /// If a probe has several replies, of which a load could not tell the last.
    pub fn new(probe: ProbeRequest, agents: Vec<AgentId>) -> Result<Self> {
        if probe.replies.len() != 1 {
            return Err(Error::Usage(
                "only an agent that answers its first message once can be held at a rate"
                    .to_owned(),
            ));
        }
        Ok(Self { probe, agents, next: 0 })
    }
}

impl Script for Probed {
    fn next_request(&mut self, _id: u64) -> (AgentId, Vec<u8>) {
        let agent = self.agents[self.next];
        self.next = (self.next + 1) % self.agents.len();
        (agent, self.probe.request.clone())
    }

    fn on_reply(&mut self, reply: Reply) -> Result<Verdict> {
        match reply.outcome {
            Ok(message) if message.content == self.probe.replies[0] => Ok(Verdict::Good),
            Ok(_) => Err(Error::Path(format!(
                "message {} was answered with something else than the first one",
                reply.id
            ))),
            Err(_) => Ok(Verdict::Failed),
        }
    }
}
