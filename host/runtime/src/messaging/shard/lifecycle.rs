//! Agents come and go.

use super::timers::Timer;
use super::{Command, Shard, Spawn};
use crate::messaging::SpawnError;
use crate::messaging::address::{Address, LAST_GENERATION};
use crate::messaging::client::Undelivered;
use crate::messaging::slot::{BroughtUp, Resident, Slot, State};
use crate::messaging::supervisor::Decision;
use crate::{AgentId, CallError, Fault, Identity, Message};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Agents that a crowd gets before its shard's other agents have their turn: some 0.3 ms.
const SPAWNS: usize = 16;

/// Many agents of one kind, all or none.
pub struct Crowd {
    spawn: Spawn,
    count: usize,
    started: Vec<AgentId>,
    answer: oneshot::Sender<Result<Vec<AgentId>, SpawnError>>,
}

impl Crowd {
    /// So many, and where to say what came of them.
    pub fn new(
        spawn: Spawn,
        count: usize,
        answer: oneshot::Sender<Result<Vec<AgentId>, SpawnError>>,
    ) -> Self {
        Self {
            spawn,
            count,
            started: Vec::with_capacity(count),
            answer,
        }
    }
}

impl Shard {
    pub(super) fn spawn(&mut self, spawn: Spawn) -> Result<AgentId, SpawnError> {
        spawn.options.require(spawn.backend.as_ref())?;
        let slot = self
            .free_slot()
            .ok_or(SpawnError::Full(self.settings.agents_per_shard))?;
        let generation = self.slots[slot as usize].next_generation();
        // A slot without another generation is never free.
        let generation = generation.ok_or(SpawnError::Full(self.settings.agents_per_shard))?;
        let id = AgentId::from(Address {
            shard: self.index,
            generation,
            slot,
        });
        let mut resident = Resident::new(id, spawn.name, spawn.backend, spawn.options);
        let named = resident
            .record
            .name
            .as_deref()
            .map(|name| self.registry.name(name, id));
        if named == Some(false) {
            self.release(slot);
            return Err(SpawnError::NameTaken(
                resident.record.name.unwrap_or_default(),
            ));
        }
        let sent = match resident.start(self.identity(id)) {
            Ok(sent) => sent,
            Err(error) => {
                if let Some(name) = &resident.record.name {
                    self.registry.unname(name);
                }
                self.release(slot);
                return Err(SpawnError::Agent(error));
            }
        };
        self.registry.set_alive(resident.address(), false);
        self.slots[slot as usize].resident = Some(resident);
        self.post_all(id, sent, 1);
        Ok(id)
    }

    /// Starts some more agents of the first crowd that is not complete.
    pub(super) fn spawn_some(&mut self) {
        let Some(mut crowd) = self.crowds.pop_front() else {
            return;
        };
        let failed = self.spawn_of(&mut crowd).err();
        // Whoever asked may have gone; then nobody wants the agents.
        let outcome = match failed {
            None if crowd.answer.is_closed() => Err(SpawnError::ShutDown),
            None if crowd.started.len() < crowd.count => return self.crowds.push_front(crowd),
            None => Ok(crowd.started.clone()),
            Some(error) => Err(error),
        };
        if outcome.is_err() {
            for agent in crowd.started {
                self.stop(Address::from(agent).slot, &Undelivered::Stopped);
            }
        }
        let _ = crowd.answer.send(outcome);
    }

    fn spawn_of(&mut self, crowd: &mut Crowd) -> Result<(), SpawnError> {
        let missing = crowd.count - crowd.started.len();
        for _ in 0..missing.min(SPAWNS) {
            crowd.started.push(self.spawn(crowd.spawn.clone())?);
        }
        Ok(())
    }

    pub(super) fn identity(&self, id: AgentId) -> Identity {
        Identity {
            id,
            directory: self.registry.clone(),
        }
    }

    pub(super) fn free_slot(&mut self) -> Option<u32> {
        if let Some(slot) = self.free.pop() {
            return Some(slot);
        }
        let slot = u32::try_from(self.slots.len()).ok()?;
        (slot < self.settings.agents_per_shard).then(|| {
            self.slots.push(Slot::new());
            slot
        })
    }

    pub(super) fn release(&mut self, slot: u32) {
        if self.slots[slot as usize].generation < LAST_GENERATION {
            self.free.push(slot);
        }
    }

    /// Ends an agent for good; those who wrote to it are told why nothing came of it.
    pub(super) fn stop(&mut self, slot: u32, why: &Undelivered) {
        let Some(mut resident) = self.slots[slot as usize].resident.take() else {
            return;
        };
        self.registry.set_dead(resident.address());
        if let Some(name) = &resident.record.name {
            self.registry.unname(name);
        }
        if let State::Calling(calling) = resident.state {
            // The call ends before its messages do.
            for head in calling.into_heads() {
                self.accounts.failed += 1;
                self.done_with(&head);
                self.tell(head, why.clone());
            }
        }
        for envelope in resident.mailbox.drain() {
            self.dead_letter(envelope, why.clone());
        }
        self.release(slot);
    }

    pub(super) fn resident(&mut self, agent: AgentId) -> Option<&mut Resident> {
        let address = Address::from(agent);
        let slot = self.slots.get_mut(address.slot as usize)?;
        let resident = slot.resident.as_mut()?;
        (resident.id == agent).then_some(resident)
    }

    pub(super) fn restart(&mut self, agent: AgentId) {
        let identity = self.identity(agent);
        let registry = self.registry.clone();
        let shard = usize::from(self.index);
        let Some(resident) = self.resident(agent) else {
            return;
        };
        if resident.starts_slowly() {
            let start = resident.starting(identity);
            tokio::task::spawn_blocking(move || {
                let started = Command::Started(agent, Box::new(start()));
                registry.inboxes[shard].command(started);
            });
            return;
        }
        let sent = resident.start(identity);
        self.restarted(agent, sent);
    }

    /// Takes in an agent that another thread has started. One that was stopped meanwhile is
    /// dropped.
    pub(super) fn started(&mut self, agent: AgentId, started: BroughtUp) {
        let Some(resident) = self.resident(agent) else {
            return;
        };
        let sent = started.map(|(state, sent)| {
            resident.state = state;
            sent
        });
        self.restarted(agent, sent);
    }

    fn restarted(&mut self, agent: AgentId, sent: Result<Vec<Message>, CallError>) {
        let Some(resident) = self.resident(agent) else {
            return;
        };
        match sent {
            Ok(sent) => {
                resident.record.supervisor.started();
                self.accounts.restarts += 1;
                self.make_ready(Address::from(agent).slot);
                self.post_all(agent, sent, 1);
            }
            Err(error) => {
                let decision = resident.record.supervisor.start_failed();
                // Never at once: this call may come from the end before.
                self.follow(agent, decision, &fault_of(error));
            }
        }
    }

    /// Starts an agent that ended again, now or later, or stops it.
    pub(super) fn ended(&mut self, agent: AgentId, fault: &Fault) {
        let Some(resident) = self.resident(agent) else {
            return;
        };
        resident.state = State::Away;
        match resident.record.supervisor.decide(Instant::now()) {
            Decision::Restart(Duration::ZERO) => self.restart(agent),
            decision => self.follow(agent, decision, fault),
        }
    }

    /// Does what the supervisor says, but nothing at once.
    pub(super) fn follow(&mut self, agent: AgentId, decision: Decision, fault: &Fault) {
        match decision {
            Decision::Restart(wait) => {
                self.timers.after(wait, Timer::Restart(agent));
            }
            Decision::Stop => {
                let why = Undelivered::Ended(fault.clone());
                self.stop(Address::from(agent).slot, &why);
            }
        }
    }
}

fn fault_of(error: CallError) -> Fault {
    match error {
        CallError::Fault(fault) => fault,
        CallError::Failure(failure) => Fault::Trap(format!(
            "it does not take its configuration or state: {failure}"
        )),
    }
}
