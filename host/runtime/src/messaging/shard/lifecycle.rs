//! Agents are started, restarted and stopped.

use super::slot::{Resident, Slot, SpawnResult, State};
use super::timers::Timer;
use super::{Command, Shard, Spawn};
use crate::messaging::SpawnError;
use crate::messaging::address::{Address, LAST_GENERATION};
use crate::messaging::client::DeliveryError;
use crate::messaging::supervisor::Decision;
use crate::{AgentId, CallError, Cause, Fault, Identity, Message};
use std::time::{Duration, Instant};

impl Shard {
    pub(super) fn spawn(&mut self, spawn: Spawn) -> Result<AgentId, SpawnError> {
        spawn.options.require(spawn.backend.as_ref())?;
        let slot = self.free_slot().ok_or(SpawnError::Full(self.settings.agents_per_shard))?;
        let generation = self.slots[slot as usize].next_generation();
        // A slot without another generation is never free.
        let generation = generation.ok_or(SpawnError::Full(self.settings.agents_per_shard))?;
        let id = AgentId::from(Address { shard: self.index, generation, slot });
        let mut resident = Resident::new(id, spawn.name, spawn.backend, spawn.options);
        let named = resident.record.name.as_deref().map(|name| self.registry.add_name(name, id));
        if named == Some(false) {
            self.release(slot);
            return Err(SpawnError::NameTaken(resident.record.name.unwrap_or_default()));
        }
        let sent = match resident.start(self.identity(id)) {
            Ok(sent) => sent,
            Err(error) => {
                if let Some(name) = &resident.record.name {
                    self.registry.remove_name(name, id);
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

    fn identity(&self, id: AgentId) -> Identity {
        Identity { id, directory: self.registry.clone() }
    }

    fn free_slot(&mut self) -> Option<u32> {
        if let Some(slot) = self.free.pop() {
            return Some(slot);
        }
        let slot = u32::try_from(self.slots.len()).ok()?;
        (slot < self.settings.agents_per_shard).then(|| {
            self.slots.push(Slot::new());
            slot
        })
    }

    fn release(&mut self, slot: u32) {
        if self.slots[slot as usize].generation < LAST_GENERATION {
            self.free.push(slot);
        }
    }

    /// Stops an agent for good, and tells the senders of its messages why.
    pub(super) fn stop(&mut self, slot: u32, why: &DeliveryError) {
        let Some(mut resident) = self.slots[slot as usize].resident.take() else {
            return;
        };
        self.registry.set_dead(resident.address());
        if let Some(name) = &resident.record.name {
            self.registry.remove_name(name, resident.id);
        }
        if let State::Calling(call) = resident.state {
            for head in call.into_heads() {
                self.failed(head, why.clone());
            }
        }
        for envelope in resident.mailbox.drain() {
            self.dead_letter(envelope, why.clone());
        }
        self.release(slot);
    }

    /// Gives an agent a name, which it takes from the agent that has it. Returns `false` if there
    /// is no such agent.
    pub(super) fn rename(&mut self, agent: AgentId, name: String) -> bool {
        let registry = self.registry.clone();
        let Some(resident) = self.resident(agent) else {
            return false;
        };
        registry.take_name(&name, agent);
        if let Some(old) = resident.record.name.replace(name)
            && resident.record.name.as_ref() != Some(&old)
        {
            registry.remove_name(&old, agent);
        }
        true
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
                let started = Command::Restarted(agent, Box::new(start()));
                registry.inboxes[shard].command(started);
            });
            return;
        }
        let sent = resident.start(identity);
        self.after_restart(agent, sent);
    }

    /// Takes an instance that another thread has started. If its agent was stopped meanwhile,
    /// it is dropped.
    pub(super) fn restarted(&mut self, agent: AgentId, started: SpawnResult) {
        let Some(resident) = self.resident(agent) else {
            return;
        };
        let sent = started.map(|(started, sent)| {
            resident.state = State::Idle(started);
            sent
        });
        self.after_restart(agent, sent);
    }

    fn after_restart(&mut self, agent: AgentId, sent: Result<Vec<Message>, CallError>) {
        let Some(resident) = self.resident(agent) else {
            return;
        };
        match sent {
            Ok(sent) => {
                resident.record.supervisor.started();
                resident.record.restarts += 1;
                self.accounts.restarts += 1;
                self.make_ready(Address::from(agent).slot);
                self.post_all(agent, sent, 1);
            }
            Err(error) => {
                let decision = resident.record.supervisor.start_failed();
                // Never at once: this call may come from `restart` itself.
                self.apply(agent, decision, &fault_of(error));
            }
        }
    }

    /// Restarts an agent that ended, now or later, or stops it.
    pub(super) fn ended(&mut self, agent: AgentId, fault: &Fault) {
        let Some(resident) = self.resident(agent) else {
            return;
        };
        resident.state = State::Absent;
        match resident.record.supervisor.decide(Instant::now()) {
            Decision::Restart(Duration::ZERO) => self.restart(agent),
            decision => self.apply(agent, decision, fault),
        }
    }

    /// Follows the supervisor's decision, but never restarts at once.
    fn apply(&mut self, agent: AgentId, decision: Decision, fault: &Fault) {
        match decision {
            Decision::Restart(wait) => {
                self.timers.after(wait, Timer::Restart(agent));
            }
            Decision::Stop => {
                let why = DeliveryError::Ended(fault.clone());
                self.stop(Address::from(agent).slot, &why);
            }
        }
    }
}

fn fault_of(error: CallError) -> Fault {
    match error {
        CallError::Fault(fault) => fault,
        CallError::Failure(failure) => {
            Cause::Trap(format!("it does not take its configuration or state: {failure}")).into()
        }
    }
}
