//! One agent on its shard: its instance, its mailbox, and how it is kept alive.

use super::AgentOptions;
use super::address::{Address, LAST_GENERATION};
use super::envelope::Envelope;
use super::mailbox::Mailbox;
use super::supervisor::Supervisor;
use crate::agent::{AsyncAgent, Call, Started};
use crate::{Agent, AgentId, Backend, CallError, Fault, Identity, Message};
use std::num::NonZeroU32;
use std::sync::Arc;

/// A place for one agent after another.
pub struct Slot {
    pub generation: u32,
    /// Whether the slot stands in the run queue.
    pub is_ready: bool,
    pub resident: Option<Resident>,
}

/// The agent that lives in a slot: what every message touches, and in a box what it does
/// not, so that a thousand agents in turn need few lines of the cache.
pub struct Resident {
    pub id: AgentId,
    pub state: State,
    pub mailbox: Mailbox,
    /// Messages that it handled without the way through the mailbox since its last turn.
    pub skipped: u32,
    /// Messages that it handled since its last checkpoint.
    unsaved: u32,
    checkpoint_every: Option<NonZeroU32>,
    pub record: Box<Record>,
}

/// What is needed to start an agent again.
pub struct Record {
    pub name: Option<String>,
    pub supervisor: Supervisor,
    config: Option<Vec<u8>>,
    backend: Arc<dyn Backend>,
    /// Its last checkpoint.
    saved: Option<Vec<u8>>,
}

/// What the agent is doing.
pub enum State {
    /// It can take a message, on the shard's own stack.
    Idle(Box<dyn Agent>),
    /// It can take a message, on a fiber.
    IdleAsync(Box<dyn AsyncAgent>),
    /// A call on a fiber has not returned. In a box, since the state moves with every
    /// message, and no other kind of it is larger than a pointer.
    Calling(Box<Calling>),
    /// It ended, and waits to be started again; or its message runs right now.
    Away,
}

/// A call on a fiber that has not returned.
pub struct Calling {
    pub call: Call,
    /// The message without its content, which the call has.
    pub head: Envelope,
}

impl Slot {
    pub fn new() -> Self {
        Self {
            generation: 0,
            is_ready: false,
            resident: None,
        }
    }

    /// The next generation, unless there is none left.
    pub fn next_generation(&mut self) -> Option<u32> {
        if self.generation == LAST_GENERATION {
            return None;
        }
        self.generation += 1;
        Some(self.generation)
    }
}

impl Resident {
    /// An agent that was not started yet.
    pub fn new(
        id: AgentId,
        name: Option<String>,
        backend: Arc<dyn Backend>,
        options: AgentOptions,
    ) -> Self {
        Self {
            id,
            state: State::Away,
            mailbox: Mailbox::new(options.mailbox),
            skipped: 0,
            unsaved: 0,
            checkpoint_every: options.checkpoint_every,
            record: Box::new(Record {
                name,
                supervisor: Supervisor::new(options.restarts),
                config: options.config,
                backend,
                saved: None,
            }),
        }
    }

    pub fn address(&self) -> Address {
        Address::from(self.id)
    }

    /// Starts an instance: a new one, or one in the state of the last checkpoint. Returns
    /// what it sent meanwhile.
    pub fn start(&mut self, identity: Identity) -> Result<Vec<Message>, CallError> {
        let (state, sent) = match self.record.backend.start(identity)? {
            Started::Sync(mut agent) => {
                let sent = self.prepare(agent.as_mut())?;
                (State::Idle(agent), sent)
            }
            Started::Async(mut agent) => {
                let sent = self.prepare(agent.as_mut())?;
                (State::IdleAsync(agent), sent)
            }
        };
        self.state = state;
        Ok(sent)
    }

    fn prepare(&self, agent: &mut dyn Agent) -> Result<Vec<Message>, CallError> {
        let sent = match &self.record.config {
            Some(config) => agent.configure(config)?,
            None => Vec::new(),
        };
        if let Some(saved) = &self.record.saved {
            agent.restore(saved)?;
        }
        Ok(sent)
    }

    /// Whether the number of handled messages says to save the agent's state now.
    pub fn is_due(&mut self) -> bool {
        self.unsaved += 1;
        let due = self.checkpoint_every;
        due.is_some_and(|every| self.unsaved >= every.get())
    }

    /// Saves the agent's state. One that does not export `state` has none.
    pub fn save(&mut self, agent: &mut dyn Agent) -> Result<(), Fault> {
        self.unsaved = 0;
        match agent.checkpoint() {
            Ok(state) => self.record.saved = Some(state),
            Err(CallError::Fault(fault)) if !matches!(fault, Fault::Unsupported(_)) => {
                return Err(fault);
            }
            // An agent that cannot save just now keeps its last checkpoint.
            Err(_) => {}
        }
        Ok(())
    }

    /// Whether it can take a message at once that has just arrived. After a whole turn of
    /// them the next one goes through the mailbox, so that its neighbours have theirs.
    pub fn skips_mailbox(&mut self, turn: usize) -> bool {
        self.skipped += 1;
        self.is_idle() && self.mailbox.is_empty() && self.skipped as usize <= turn
    }

    /// Whether it can take a message now.
    pub fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle(_) | State::IdleAsync(_))
    }
}
