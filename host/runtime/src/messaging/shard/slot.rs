//! One agent on its shard: its instance, its mailbox, and how it is kept alive.

use super::batch_buffer::{BatchBuffer, BatchState};
use super::call::FiberCall;
use super::catch_panic;
use super::timers::{Timer, Timers};
use crate::agent::Started;
use crate::messaging::AgentOptions;
use crate::messaging::address::{Address, LAST_GENERATION};
use crate::messaging::mailbox::Mailbox;
use crate::messaging::strategy::Strategy;
use crate::messaging::supervisor::Supervisor;
use crate::{Agent, AgentId, Backend, CallError, Fault, Identity, Message};
use std::num::NonZeroU32;
use std::sync::Arc;

/// A place for one agent after another.
pub struct Slot {
    pub generation: u32,
    /// Set while the slot is in the run queue, so that it is there only once.
    pub is_ready: bool,
    pub resident: Option<Resident>,
}

/// The agent in a slot: what every message touches, and in a box what it does not, so that
/// a thousand agents in turn need few cache lines.
pub struct Resident {
    pub id: AgentId,
    pub state: State,
    pub mailbox: Mailbox,
    pub delivery: DeliveryMode,
    /// Messages since its last turn that it handled without the way through the mailbox.
    pub skipped: u32,
    /// Messages that it handled since its last checkpoint.
    unsaved: u32,
    checkpoint_every: Option<NonZeroU32>,
    pub record: Box<Record>,
}

/// The form in which the agent is given its messages.
pub enum DeliveryMode {
    ByValue,
    /// One by one, with the content in the host's memory.
    Parcels,
    Batches(Box<BatchBuffer>),
}

/// The parts of an agent that a restart needs.
pub struct Record {
    pub name: Option<String>,
    pub supervisor: Supervisor,
    pub restarts: u64,
    config: Option<Vec<u8>>,
    backend: Arc<dyn Backend>,
    /// Its last checkpoint.
    saved: Option<Vec<u8>>,
}

/// The instance while it is idle, or the call that has it.
pub enum State {
    /// It waits for a message.
    Idle(Started),
    /// A call on a fiber has not returned. In a box, since the state moves with every
    /// message, and no other variant is larger than a fat pointer.
    Calling(Box<FiberCall>),
    /// It ended and waits for its restart, or a call on the shard's stack is running.
    Absent,
}

/// A started instance, and what it sent while it started.
pub type SpawnResult = Result<(Started, Vec<Message>), CallError>;

fn start_instance(
    backend: &dyn Backend,
    identity: Identity,
    config: Option<&[u8]>,
    saved: Option<&[u8]>,
) -> SpawnResult {
    catch_panic(|| {
        let mut started = backend.start(identity)?;
        let agent = started.agent_mut();
        let sent = match config {
            Some(config) => agent.configure(config)?,
            None => Vec::new(),
        };
        if let Some(saved) = saved {
            agent.restore(saved)?;
        }
        Ok((started, sent))
    })
}

impl Slot {
    pub fn new() -> Self {
        Self { generation: 0, is_ready: false, resident: None }
    }

    /// Moves on to the next generation. `None` after the last one.
    pub fn next_generation(&mut self) -> Option<u32> {
        if self.generation == LAST_GENERATION {
            return None;
        }
        self.generation += 1;
        Some(self.generation)
    }
}

impl Resident {
    /// Makes an agent that is not started yet.
    pub fn new(
        id: AgentId,
        name: Option<String>,
        backend: Arc<dyn Backend>,
        options: AgentOptions,
    ) -> Self {
        Self {
            id,
            state: State::Absent,
            mailbox: Mailbox::new(options.mailbox),
            delivery: match options.strategy {
                Strategy::ByValue => DeliveryMode::ByValue,
                Strategy::ZeroCopy => DeliveryMode::Parcels,
                Strategy::Batch(batching) => {
                    DeliveryMode::Batches(Box::new(BatchBuffer::new(batching)))
                }
            },
            skipped: 0,
            unsaved: 0,
            checkpoint_every: options.checkpoint_every,
            record: Box::new(Record {
                name,
                supervisor: Supervisor::new(options.restarts),
                restarts: 0,
                config: options.config,
                backend,
                saved: None,
            }),
        }
    }

    pub fn address(&self) -> Address {
        Address::from(self.id)
    }

    /// Starts an instance, in the state of the last checkpoint if there is one. Returns what
    /// it sent while it started.
    pub fn start(&mut self, identity: Identity) -> Result<Vec<Message>, CallError> {
        let Record { backend, config, saved, .. } = &*self.record;
        let (started, sent) =
            start_instance(&**backend, identity, config.as_deref(), saved.as_deref())?;
        self.state = State::Idle(started);
        Ok(sent)
    }

    /// Returns the work of [`start`](Self::start), for another thread.
    pub fn starting(&self, identity: Identity) -> impl FnOnce() -> SpawnResult + Send + use<> {
        let backend = self.record.backend.clone();
        let (config, saved) = (self.record.config.clone(), self.record.saved.clone());
        move || start_instance(&*backend, identity, config.as_deref(), saved.as_deref())
    }

    /// Returns true if a start would hold the shard for too long.
    pub fn starts_slowly(&self) -> bool {
        self.record.backend.starts_slowly()
    }

    /// Counts handled messages; returns whether a checkpoint is due.
    pub fn must_save(&mut self, handled: u32) -> bool {
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
            // An agent that cannot save now keeps its last checkpoint.
            Err(CallError::Failure(_)) => {}
        }
        Ok(())
    }

    /// Notes the arrival of a message in the mailbox.
    pub fn arrived(&mut self) {
        if let DeliveryMode::Batches(buffer) = &mut self.delivery {
            buffer.arrived();
        }
    }

    /// Returns true if the agent is given several messages per call.
    pub fn takes_batches(&self) -> bool {
        matches!(self.delivery, DeliveryMode::Batches(_))
    }

    /// Returns true if the queued messages, at least one, are to be passed to the agent now; if a
    /// batch is not complete, a timer looks again.
    #[inline]
    pub fn is_due(&mut self, timers: &mut Timers) -> bool {
        let DeliveryMode::Batches(buffer) = &mut self.delivery else {
            return true;
        };
        match buffer.state(self.mailbox.len(), self.mailbox.is_full()) {
            BatchState::Ready => true,
            BatchState::CheckAt(at) => {
                timers.at(at, Timer::Batch(self.id));
                false
            }
            BatchState::Waiting => false,
        }
    }

    /// Returns true if a message that has just arrived can be handled at once. After a whole turn
    /// of such messages the next one goes through the mailbox, so that the agent's neighbours have
    /// their turn; and batches form in the mailbox only.
    pub fn skips_mailbox(&mut self, turn: usize) -> bool {
        self.skipped += 1;
        self.is_idle()
            && self.mailbox.is_empty()
            && self.skipped as usize <= turn
            && !self.takes_batches()
    }

    pub fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle(_))
    }
}
