//! One agent on its shard: its instance, its mailbox, and how it is kept alive.

use super::AgentOptions;
use super::address::{Address, LAST_GENERATION};
use super::envelope::Envelope;
use super::mailbox::Mailbox;
use super::supervisor::Supervisor;
use crate::agent::{AsyncAgent, Called, Started};
use crate::{Agent, AgentId, Backend, CallError, Fault, Identity, Message};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// A place for one agent after another.
pub struct Slot {
    pub generation: u32,
    /// Whether the slot stands in the run queue.
    pub is_ready: bool,
    pub resident: Option<Resident>,
}

/// The agent that lives in a slot.
pub struct Resident {
    pub id: AgentId,
    pub name: Option<String>,
    pub state: State,
    pub mailbox: Mailbox,
    pub supervisor: Supervisor,
    pub options: AgentOptions,
    pub backend: Arc<dyn Backend>,
    /// Its last checkpoint.
    pub saved: Option<Vec<u8>>,
    /// Messages that it handled since.
    pub unsaved: u32,
}

/// What the agent is doing.
pub enum State {
    /// It can take a message, on the shard's own stack.
    Idle(Box<dyn Agent>),
    /// It can take a message, on a fiber.
    IdleAsync(Box<dyn AsyncAgent>),
    /// A call on a fiber has not returned.
    Calling {
        /// The call.
        call: Pin<Box<dyn Future<Output = Called> + Send>>,
        /// The message without its content, which the call has.
        head: Envelope,
    },
    /// It ended, and waits to be started again; or its message runs right now.
    Away,
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
    pub fn address(&self) -> Address {
        Address::from(self.id)
    }

    /// Starts an instance: a new one, or one in the state of the last checkpoint. Returns
    /// what it sent meanwhile.
    pub fn start(&mut self, identity: Identity) -> Result<Vec<Message>, CallError> {
        let (state, sent) = match self.backend.start(identity)? {
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
        let sent = match &self.options.config {
            Some(config) => agent.configure(config)?,
            None => Vec::new(),
        };
        if let Some(saved) = &self.saved {
            agent.restore(saved)?;
        }
        Ok(sent)
    }

    /// Whether the number of handled messages says to save the agent's state now.
    pub fn is_due(&mut self) -> bool {
        self.unsaved += 1;
        let due = self.options.checkpoint_every;
        due.is_some_and(|every| self.unsaved >= every.get())
    }

    /// Saves the agent's state. One that does not export `state` has none.
    pub fn save(&mut self, agent: &mut dyn Agent) -> Result<(), Fault> {
        self.unsaved = 0;
        match agent.checkpoint() {
            Ok(state) => self.saved = Some(state),
            Err(CallError::Fault(fault)) if !matches!(fault, Fault::Unsupported(_)) => {
                return Err(fault);
            }
            // An agent that cannot save just now keeps its last checkpoint.
            Err(_) => {}
        }
        Ok(())
    }

    /// Whether it can take a message now.
    pub fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle(_) | State::IdleAsync(_))
    }
}
