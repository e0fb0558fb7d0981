//! One message that many equal agents are sent, and what each must answer.

use crate::sampling::open_loop::{Reply, Script, Verdict};
use crate::sampling::program::Program;
use crate::sampling::traffic::Traffic;
use crate::workload::{Case, Exchange, Expected};
use crate::{Error, Result};
use sandlab_runtime::messaging::{AgentOptions, Connection};
use sandlab_runtime::subject::Kind;
use sandlab_runtime::{AgentId, Backend, CallError, Performative};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

/// The message that each agent is sent, and the reply that it must give.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ProbeRequest {
    /// The configuration of the agent; empty if `configure` is left out.
    pub config: Vec<u8>,
    /// The content of the message.
    pub request: Vec<u8>,
    /// The replies of one agent alone, which were checked.
    pub replies: Vec<Vec<u8>>,
    /// The workload's line, which says what else the only reply may be; `None` if it has to be
    /// the same.
    line: Option<String>,
    /// The line, once it was read.
    #[serde(skip)]
    read: OnceLock<Arc<Exchange>>,
}

impl ProbeRequest {
    /// Returns a message that must always get the same one reply.
    pub fn always(request: impl Into<Vec<u8>>, reply: impl Into<Vec<u8>>) -> Self {
        Self {
            config: Vec::new(),
            request: request.into(),
            replies: vec![reply.into()],
            line: None,
            read: OnceLock::new(),
        }
    }

    /// Returns the first exchange of the case with messages of 1 KiB, or else of the first case, as
    /// one agent alone answers it.
    ///
    /// # Errors
    /// If that agent does not start, answers something else than it must, or nothing.
    pub fn of(agent: &str, backend: &dyn Backend, cases: &[Case]) -> Result<Self> {
        const SIZE: usize = 1_024;
        let of_size = cases.iter().filter(|case| case.size == Some(SIZE));
        match of_size.chain(cases).next() {
            Some(case) => Self::of_case(agent, backend, case, &case.config),
            None => Err(Error::Usage(format!("{agent} has no messages"))),
        }
    }

    /// Returns the first message of what a program's agents are sent.
    ///
    /// # Errors
    /// As [`of`](Self::of).
    pub fn of_program(program: &Program) -> Result<Self> {
        let Program { agent, start, config, .. } = program;
        let echo;
        let case = match &program.traffic {
            Traffic::Series(case) => &**case,
            Traffic::Echo { .. } => {
                let content = program.traffic.content(0, 0);
                let expected = Expected::Reply(content.clone());
                echo = Case::new(Kind::Agent, vec![Exchange::new(content, expected)]);
                &echo
            }
        };
        Self::of_case(agent, start.as_ref(), case, config)
    }

    fn of_case(agent: &str, backend: &dyn Backend, case: &Case, config: &[u8]) -> Result<Self> {
        let side = backend.kind().to_string();
        let failed = |step: &str, source: CallError| Error::Call {
            agent: agent.to_owned(),
            side: side.clone(),
            step: step.to_owned(),
            source,
        };
        let Some(exchange) = case.exchanges.first() else {
            return Err(Error::Usage(format!("{agent} has no messages")));
        };
        let spawned = backend.spawn(case.identity());
        let mut instance = spawned.map_err(|fault| failed("when spawned", fault.into()))?;
        if !config.is_empty() {
            let configured = instance.configure(config);
            configured.map_err(|error| failed("when configured", error))?;
        }
        let handled = instance
            .handle(&exchange.request)
            .map_err(|error| failed("at its first message", error))?;
        let checked = exchange.check_all(&handled);
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
            config: config.to_vec(),
            request: exchange.request.content.clone(),
            line: exchange.text.clone().filter(|_| handled.replies.len() == 1),
            replies: handled.replies.into_iter().map(|r| r.content).collect(),
            read: OnceLock::new(),
        })
    }

    /// Returns whether a reply, which is the first or a later one, is what it must be.
    fn takes(&self, number: usize, reply: &[u8]) -> bool {
        if self.replies.get(number).is_some_and(|expected| expected == reply) {
            return true;
        }
        let Some(line) = self.line.as_ref().filter(|_| number == 0) else {
            return false;
        };
        let exchange = match self.read.get() {
            Some(exchange) => exchange.clone(),
            None => match Exchange::of_line(line) {
                Ok(exchange) => self.read.get_or_init(|| Arc::new(exchange)).clone(),
                Err(_) => return false,
            },
        };
        // What repeats must be as the first one was.
        exchange.expected.check_reply(&self.replies[0]).is_ok() && exchange.check(reply).is_ok()
    }

    /// Returns the options of an agent that is sent this message.
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
            if !self.takes(*count, &answer.content) {
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
    /// Returns a script that sends each agent its probe in turn.
    ///
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
            Ok(message) if self.probe.takes(0, &message.content) => Ok(Verdict::Good),
            Ok(_) => Err(Error::Path(format!(
                "message {} was answered with something else than the first one",
                reply.id
            ))),
            Err(_) => Ok(Verdict::Failed),
        }
    }
}
