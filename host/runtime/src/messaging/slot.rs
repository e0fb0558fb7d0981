//! One agent on its shard: its instance, its mailbox, and how it is kept alive.

use super::AgentOptions;
use super::address::{Address, LAST_GENERATION};
use super::envelope::Envelope;
use super::gathering::{Gathering, Ripeness};
use super::mailbox::Mailbox;
use super::shard::caught;
use super::strategy::Strategy;
use super::supervisor::Supervisor;
use crate::agent::{AsyncAgent, Batch, Call, Started};
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
    pub taking: Taking,
    /// Messages that it handled without the way through the mailbox since its last turn.
    pub skipped: u32,
    /// Messages that it handled since its last checkpoint.
    unsaved: u32,
    checkpoint_every: Option<NonZeroU32>,
    pub record: Box<Record>,
}

/// How the agent takes its messages.
pub enum Taking {
    OneByOne,
    /// One by one, with the content in the host's memory.
    Parcels,
    Batches(Box<Gathering>),
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

/// A call on a fiber that has not returned, and its messages without their content, which
/// the call has.
pub enum Calling {
    One {
        call: Call,
        head: Envelope,
    },
    Many {
        call: Call<Batch>,
        heads: Vec<Envelope>,
    },
}

impl Calling {
    /// How many messages the call handles.
    pub fn len(&self) -> usize {
        match self {
            Self::One { .. } => 1,
            Self::Many { heads, .. } => heads.len(),
        }
    }

    /// Ends the call.
    pub fn into_heads(self) -> Vec<Envelope> {
        match self {
            Self::One { head, .. } => vec![head],
            Self::Many { heads, .. } => heads,
        }
    }
}

/// An instance that can take messages, and what it sent while it came up.
pub type BroughtUp = Result<(State, Vec<Message>), CallError>;

fn bring_up(
    backend: &dyn Backend,
    identity: Identity,
    config: Option<&[u8]>,
    saved: Option<&[u8]>,
) -> BroughtUp {
    let prepare = |agent: &mut dyn Agent| -> Result<Vec<Message>, CallError> {
        let sent = match config {
            Some(config) => agent.configure(config)?,
            None => Vec::new(),
        };
        if let Some(saved) = saved {
            agent.restore(saved)?;
        }
        Ok(sent)
    };
    caught(|| {
        Ok(match backend.start(identity)? {
            Started::Sync(mut agent) => {
                let sent = prepare(agent.as_mut())?;
                (State::Idle(agent), sent)
            }
            Started::Async(mut agent) => {
                let sent = prepare(agent.as_mut())?;
                (State::IdleAsync(agent), sent)
            }
        })
    })
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
            taking: match options.strategy {
                Strategy::ByValue => Taking::OneByOne,
                Strategy::ZeroCopy => Taking::Parcels,
                Strategy::Batch(batching) => Taking::Batches(Box::new(Gathering::new(batching))),
            },
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
        let Record {
            backend,
            config,
            saved,
            ..
        } = &*self.record;
        let (state, sent) = bring_up(&**backend, identity, config.as_deref(), saved.as_deref())?;
        self.state = state;
        Ok(sent)
    }

    /// The same, for another thread to do.
    pub fn starting(&self, identity: Identity) -> impl FnOnce() -> BroughtUp + Send + use<> {
        let backend = self.record.backend.clone();
        let (config, saved) = (self.record.config.clone(), self.record.saved.clone());
        move || bring_up(&*backend, identity, config.as_deref(), saved.as_deref())
    }

    /// Whether its starts wait too long for a thread that others need.
    pub fn starts_slowly(&self) -> bool {
        self.record.backend.starts_slowly()
    }

    /// Whether the number of handled messages, so many more now, says to save the agent's state.
    pub fn is_due(&mut self, handled: u32) -> bool {
        self.unsaved = self.unsaved.saturating_add(handled);
        let due = self.checkpoint_every;
        due.is_some_and(|every| self.unsaved >= every.get())
    }

    /// Saves the agent's state.
    pub fn save(&mut self, agent: &mut dyn Agent) -> Result<(), Fault> {
        self.unsaved = 0;
        match agent.checkpoint() {
            Ok(state) => self.record.saved = Some(state),
            Err(CallError::Fault(fault)) => return Err(fault),
            // An agent that cannot save just now keeps its last checkpoint.
            Err(CallError::Failure(_)) => {}
        }
        Ok(())
    }

    /// A message has come into its mailbox.
    pub fn arrived(&mut self) {
        if let Taking::Batches(gathering) = &mut self.taking {
            gathering.arrived();
        }
    }

    /// Whether it takes many messages a call.
    pub fn takes_batches(&self) -> bool {
        matches!(self.taking, Taking::Batches(_))
    }

    /// Whether what waits for it, at least one message, is to be handed over now.
    pub fn ripeness(&mut self) -> Ripeness {
        match &mut self.taking {
            Taking::OneByOne | Taking::Parcels => Ripeness::Ripe,
            Taking::Batches(gathering) => {
                gathering.ripeness(self.mailbox.len(), self.mailbox.is_full())
            }
        }
    }

    /// Whether it can take a message at once that has just arrived. After a whole turn of
    /// them the next one goes through the mailbox, so that its neighbours have theirs; and
    /// only there do batches form.
    pub fn skips_mailbox(&mut self, turn: usize) -> bool {
        self.skipped += 1;
        self.is_idle()
            && self.mailbox.is_empty()
            && self.skipped as usize <= turn
            && !self.takes_batches()
    }

    /// Whether it can take a message now.
    pub fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle(_) | State::IdleAsync(_))
    }
}
