//! Many messages in one call.

use super::timers::Timer;
use super::{Shard, TURN, caught};
use crate::agent::{Batch, Called, Handled};
use crate::messaging::address::Address;
use crate::messaging::client::Undelivered;
use crate::messaging::envelope::Envelope;
use crate::messaging::gathering::Ripeness;
use crate::messaging::slot::{Calling, Resident, State, Taking};
use crate::{AgentId, CallError, Fault};
use std::time::Instant;

impl Shard {
    /// Whether what waits for an agent is to be handed over now; if not, a timer will tell.
    pub(super) fn is_ripe(&mut self, slot: u32) -> bool {
        let Some(resident) = &mut self.slots[slot as usize].resident else {
            return false;
        };
        match resident.ripeness() {
            Ripeness::Ripe => true,
            Ripeness::Until(at) => {
                self.timers.at(at, Timer::Batch(resident.id));
                false
            }
            Ripeness::Waits => false,
        }
    }

    /// The time has come at which an agent's oldest message may have waited for long enough.
    pub(super) fn look_at_batch(&mut self, agent: AgentId, now: Instant) {
        let Some(resident) = self.resident(agent) else {
            return;
        };
        if let Taking::Batches(gathering) = &mut resident.taking {
            gathering.look(now);
        }
        self.make_ready(Address::from(agent).slot);
    }

    /// Lets no message wait for others any more.
    pub(super) fn hurry(&mut self) {
        for slot in 0..self.slots.len() {
            let resident = self.slots[slot].resident.as_mut();
            if let Some(Taking::Batches(gathering)) = resident.map(|r| &mut r.taking) {
                gathering.hurry();
                self.make_ready(slot as u32);
            }
        }
    }

    /// An agent's turn: at least one batch, and as many as make up what others have in theirs.
    pub(super) fn run_batches(&mut self, slot: u32) {
        let mut left = TURN;
        while left > 0 {
            let is_idle = |resident: &Resident| resident.is_idle() && !resident.mailbox.is_empty();
            let resident = self.slots[slot as usize].resident.as_ref();
            if !resident.is_some_and(is_idle) || !self.is_ripe(slot) {
                return;
            }
            let batch = self.take_batch(slot);
            left = left.saturating_sub(batch.len());
            self.run_batch(slot, batch);
        }
    }

    fn take_batch(&mut self, slot: u32) -> Vec<Envelope> {
        let Some(resident) = &mut self.slots[slot as usize].resident else {
            return Vec::new();
        };
        let was_full = resident.mailbox.is_full();
        let size = match &resident.taking {
            Taking::Batches(gathering) => gathering.size().min(resident.mailbox.len()),
            Taking::OneByOne | Taking::Parcels => 1,
        };
        let mut batch = Vec::with_capacity(size);
        batch.extend(std::iter::from_fn(|| resident.mailbox.take()).take(size));
        if let Taking::Batches(gathering) = &mut resident.taking {
            gathering.taken(batch.len());
        }
        if was_full && !resident.mailbox.is_full() {
            self.registry.set_alive(resident.address(), false);
        }
        batch
    }

    fn run_batch(&mut self, slot: u32, batch: Vec<Envelope>) {
        let Some(resident) = &mut self.slots[slot as usize].resident else {
            return;
        };
        let id = resident.id;
        match std::mem::replace(&mut resident.state, State::Away) {
            State::Idle(mut agent) => {
                let (messages, hops): (Vec<_>, Vec<_>) =
                    batch.into_iter().map(|e| (e.message, e.hops)).unzip();
                let outcome = complete(caught(|| agent.handle_batch(&messages)), messages.len());
                let outcome = saved_after(resident, agent.as_mut(), outcome);
                resident.state = State::Idle(agent);
                let batch = messages.into_iter().zip(hops);
                let batch = batch.map(|(message, hops)| Envelope { message, hops });
                self.settle_batch(id, batch.collect(), outcome);
            }
            State::IdleAsync(agent) => {
                let heads = batch.iter().map(Envelope::head).collect();
                let messages = batch.into_iter().map(|envelope| envelope.message);
                let call = agent.call_batch(messages.collect());
                resident.state = State::Calling(Box::new(Calling::Many { call, heads }));
                self.poll(slot);
            }
            other => resident.state = other,
        }
    }

    /// A call on a fiber has returned: what [`Self::run_batch`] does at once otherwise.
    pub(super) fn batch_returned(
        &mut self,
        slot: u32,
        called: Called<Batch>,
        heads: Vec<Envelope>,
    ) {
        let Some(resident) = &mut self.slots[slot as usize].resident else {
            return;
        };
        let Called { mut agent, outcome } = called;
        let outcome = complete(outcome, heads.len());
        let outcome = saved_after(resident, agent.as_mut(), outcome);
        resident.state = State::IdleAsync(agent);
        let id = resident.id;
        self.settle_batch(id, heads, outcome);
        self.make_ready(slot);
    }

    /// Accounts for each message of a batch, and passes on what came of it.
    pub(super) fn settle_batch(
        &mut self,
        agent: AgentId,
        batch: Vec<Envelope>,
        outcome: Result<Batch, CallError>,
    ) {
        match outcome {
            Ok(Batch { results, sent }) => {
                // Nobody can say which of the messages led to what was sent.
                let hops = batch.iter().map(|envelope| envelope.hops).max();
                self.post_all(agent, sent, hops.unwrap_or(0).saturating_add(1));
                for (envelope, result) in batch.into_iter().zip(results) {
                    let outcome = result.map_err(CallError::Failure).map(|replies| Handled {
                        replies,
                        sent: Vec::new(),
                    });
                    self.settle(agent, envelope, outcome);
                }
            }
            Err(CallError::Failure(failure)) => {
                for envelope in batch {
                    let failure = CallError::Failure(failure.clone());
                    self.settle(agent, envelope, Err(failure));
                }
            }
            Err(CallError::Fault(fault)) => {
                for envelope in batch {
                    self.accounts.failed += 1;
                    self.done_with(&envelope);
                    self.tell(envelope, Undelivered::Ended(fault.clone()));
                }
                self.ended(agent, &fault);
            }
        }
    }
}

/// A batch with a result for each message. It is here that agents of every backend pass, and
/// no type says that an agent returns as many results as it was given messages.
fn complete(outcome: Result<Batch, CallError>, messages: usize) -> Result<Batch, CallError> {
    match outcome {
        Ok(batch) if batch.results.len() != messages => {
            let results = batch.results.len();
            let text = format!("`handle-batch` returned {results} results for {messages} messages");
            Err(Fault::Contract(text).into())
        }
        outcome => outcome,
    }
}

/// Saves the agent's state if that is due after a batch; what came of it, unless that failed.
fn saved_after(
    resident: &mut Resident,
    agent: &mut dyn crate::Agent,
    outcome: Result<Batch, CallError>,
) -> Result<Batch, CallError> {
    let batch = outcome?;
    let handled = batch.results.iter().filter(|result| result.is_ok()).count();
    if handled > 0 && resident.is_due(handled as u32) {
        resident.save(agent)?;
    }
    Ok(batch)
}
