//! One call of an agent, written once for what it is given, one message or a batch, and for
//! where it runs, on the shard's stack or on a fiber.

use super::slot::{DeliveryMode, Resident, State};
use super::timers::Timers;
use super::{Shard, TURN, catch_panic};
use crate::agent::{Batch, Call, Called, Handled};
use crate::messaging::client::DeliveryError;
use crate::messaging::envelope::Envelope;
use crate::messaging::waker::{TurnWaker, Woken};
use crate::{Agent, AgentId, AsyncAgent, CallError, Cause, Fault, Started};
use std::task::{Context, Poll};

/// The input of one call: a message, or a batch of them. Static, so that a single message, by far
/// the most frequent, pays nothing for the batches.
pub trait CallInput: Sized {
    /// The call's result: an outcome per message.
    type Output;

    /// Takes the next call's input from the agent's mailbox. `None` if none is due.
    fn next(resident: &mut Resident, timers: &mut Timers) -> Option<Self>;

    /// Returns the number of messages.
    fn len(&self) -> usize;

    /// Calls the agent on the shard's stack. The messages stay, whatever the agent does: they
    /// have to be accounted for.
    fn call(
        &mut self,
        agent: &mut dyn Agent,
        delivery: &DeliveryMode,
    ) -> Result<Self::Output, CallError>;

    /// Starts a call on a fiber.
    fn call_async(self, agent: Box<dyn AsyncAgent>, delivery: &DeliveryMode) -> FiberCall;

    /// Moves it out, without the content, of a call on a fiber that has returned.
    fn take_heads(heads: &mut Self) -> Self;

    /// Returns the output if it fits the input.
    ///
    /// # Errors
    /// [`Fault::Contract`] if not.
    fn check(&self, output: Self::Output) -> Result<Self::Output, Fault>;

    /// Returns the number of messages that the agent handled without a failure.
    fn handled(output: &Self::Output) -> u32;

    /// Accounts for each message and posts what the agent returned and sent.
    fn settle(self, shard: &mut Shard, agent: AgentId, output: Self::Output);

    /// Returns its messages, one by one.
    fn envelopes(self) -> impl Iterator<Item = Envelope>;
}

impl CallInput for Envelope {
    type Output = Handled;

    fn next(resident: &mut Resident, _: &mut Timers) -> Option<Self> {
        resident.mailbox.take()
    }

    fn len(&self) -> usize {
        1
    }

    #[inline]
    fn call(
        &mut self,
        agent: &mut dyn Agent,
        delivery: &DeliveryMode,
    ) -> Result<Handled, CallError> {
        match delivery {
            DeliveryMode::Parcels => {
                let head = self.head();
                let whole = std::mem::replace(self, head);
                catch_panic(|| agent.handle_parcel(whole.message))
            }
            _ => catch_panic(|| agent.handle(&self.message)),
        }
    }

    fn call_async(self, agent: Box<dyn AsyncAgent>, delivery: &DeliveryMode) -> FiberCall {
        let heads = self.head();
        let call = match delivery {
            DeliveryMode::Parcels => agent.call_parcel(self.message),
            _ => agent.call(self.message),
        };
        FiberCall::One(Pending { call, heads })
    }

    fn take_heads(heads: &mut Self) -> Self {
        heads.head()
    }

    #[inline]
    fn check(&self, output: Handled) -> Result<Handled, Fault> {
        Ok(output)
    }

    #[inline]
    fn handled(_: &Handled) -> u32 {
        1
    }

    #[inline]
    fn settle(self, shard: &mut Shard, agent: AgentId, output: Handled) {
        shard.post_all(agent, output.sent, self.next_hops());
        shard.handled(agent, self, output.replies);
    }

    fn envelopes(self) -> impl Iterator<Item = Envelope> {
        std::iter::once(self)
    }
}

impl CallInput for Vec<Envelope> {
    type Output = Batch;

    fn next(resident: &mut Resident, timers: &mut Timers) -> Option<Self> {
        if resident.mailbox.is_empty() || !resident.is_due(timers) {
            return None;
        }
        let DeliveryMode::Batches(buffer) = &mut resident.delivery else {
            return None;
        };
        let size = buffer.size().min(resident.mailbox.len());
        let mut batch = Self::with_capacity(size);
        batch.extend(std::iter::from_fn(|| resident.mailbox.take()).take(size));
        buffer.taken(batch.len());
        Some(batch)
    }

    fn len(&self) -> usize {
        self.len()
    }

    fn call(&mut self, agent: &mut dyn Agent, _: &DeliveryMode) -> Result<Batch, CallError> {
        let (messages, hops): (Vec<_>, Vec<_>) =
            self.drain(..).map(|e| (e.message, e.hops)).unzip();
        let outcome = catch_panic(|| agent.handle_batch(&messages));
        let all = messages.into_iter().zip(hops);
        self.extend(all.map(|(message, hops)| Envelope { message, hops }));
        outcome
    }

    fn call_async(self, agent: Box<dyn AsyncAgent>, _: &DeliveryMode) -> FiberCall {
        let heads = self.iter().map(Envelope::head).collect();
        let messages = self.into_iter().map(|envelope| envelope.message);
        let call = agent.call_batch(messages.collect());
        FiberCall::Batch(Pending { call, heads })
    }

    fn take_heads(heads: &mut Self) -> Self {
        std::mem::take(heads)
    }

    /// Checks that there are as many results as messages: agents of every backend pass here, and no
    /// type says so.
    fn check(&self, output: Batch) -> Result<Batch, Fault> {
        let (results, messages) = (output.results.len(), self.len());
        if results == messages {
            return Ok(output);
        }
        Err(Cause::Contract(format!(
            "`handle-batch` returned {results} results for {messages} messages"
        ))
        .into())
    }

    fn handled(output: &Batch) -> u32 {
        output.results.iter().filter(|result| result.is_ok()).count() as u32
    }

    fn settle(self, shard: &mut Shard, agent: AgentId, output: Batch) {
        // Which of the messages led to what was sent is unknown.
        let hops = self.iter().map(Envelope::next_hops).max();
        shard.post_all(agent, output.sent, hops.unwrap_or(1));
        for (envelope, result) in self.into_iter().zip(output.results) {
            match result {
                Ok(replies) => shard.handled(agent, envelope, replies),
                Err(failure) => shard.failed(envelope, DeliveryError::Failed(failure)),
            }
        }
    }

    fn envelopes(self) -> impl Iterator<Item = Envelope> {
        self.into_iter()
    }
}

/// A call on a fiber that has not returned.
pub enum FiberCall {
    One(Pending<Envelope>),
    Batch(Pending<Vec<Envelope>>),
}

/// The future of a call on a fiber, and its input without the content, which the future has.
pub struct Pending<I: CallInput> {
    call: Call<I::Output>,
    heads: I,
}

impl FiberCall {
    /// Returns the number of messages that the call handles.
    pub fn len(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Batch(pending) => pending.heads.len(),
        }
    }

    /// Drops the call.
    pub fn into_heads(self) -> Vec<Envelope> {
        match self {
            Self::One(pending) => vec![pending.heads],
            Self::Batch(pending) => pending.heads,
        }
    }
}

impl<I: CallInput> Pending<I> {
    /// Returns the input, and the agent with the outcome unless its backend panicked.
    fn poll(&mut self, context: &mut Context) -> Poll<Returned<I>> {
        let called = match catch_panic(|| Ok(self.call.as_mut().poll(context))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(called)) => Ok(called),
            Err(error) => Err(error),
        };
        Poll::Ready((I::take_heads(&mut self.heads), called))
    }
}

type Returned<I> = (I, Result<Called<<I as CallInput>::Output>, CallError>);

impl Resident {
    /// Takes the agent back after a call, and saves its state if that is due. Returns the
    /// call's outcome, unless the state could not be saved: a reply would promise what a
    /// restart has forgotten.
    #[inline]
    fn complete<I: CallInput>(
        &mut self,
        mut agent: Started,
        input: &I,
        outcome: Result<I::Output, CallError>,
    ) -> Result<I::Output, CallError> {
        let outcome = outcome.and_then(|output| Ok(input.check(output)?));
        let handled = outcome.as_ref().map_or(0, I::handled);
        let saved = if handled > 0 && self.must_save(handled) {
            self.save(agent.agent_mut())
        } else {
            Ok(())
        };
        self.state = State::Idle(agent);
        saved.map_err(CallError::from).and(outcome)
    }
}

impl Shard {
    /// Runs an agent's turn: at least one call, and as many as make up [`TURN`] messages.
    pub(super) fn run_turn<I: CallInput>(&mut self, slot: u32) {
        let mut left = TURN;
        while left > 0 {
            let Some(resident) = &mut self.slots[slot as usize].resident else {
                return;
            };
            if !resident.is_idle() {
                return;
            }
            let was_full = resident.mailbox.is_full();
            let Some(input) = I::next(resident, &mut self.timers) else {
                return;
            };
            if was_full && !resident.mailbox.is_full() {
                self.registry.set_alive(resident.address(), false);
            }
            left = left.saturating_sub(input.len());
            self.call(slot, input);
        }
    }

    /// Calls an idle agent.
    pub(super) fn call<I: CallInput>(&mut self, slot: u32, mut input: I) {
        let Some(resident) = &mut self.slots[slot as usize].resident else {
            return;
        };
        match std::mem::replace(&mut resident.state, State::Absent) {
            State::Idle(Started::Sync(mut agent)) => {
                let outcome = input.call(agent.as_mut(), &resident.delivery);
                let outcome = resident.complete(Started::Sync(agent), &input, outcome);
                let id = resident.id;
                self.settle(id, input, outcome);
                self.flush_each_tick();
            }
            State::Idle(Started::Async(agent)) => {
                let call = input.call_async(agent, &resident.delivery);
                resident.state = State::Calling(Box::new(call));
                self.poll(slot);
            }
            other => resident.state = other,
        }
    }

    /// Polls an agent's call on a fiber.
    pub(super) fn poll(&mut self, slot: u32) {
        let entry = self.slots.get_mut(slot as usize);
        let Some(resident) = entry.and_then(|slot| slot.resident.as_mut()) else {
            return;
        };
        let State::Calling(call) = &mut resident.state else {
            return;
        };
        let waker = TurnWaker::of(self.registry.clone(), self.index, Woken::Slot(slot));
        let mut context = Context::from_waker(&waker);
        match call.as_mut() {
            FiberCall::One(call) => {
                let polled = call.poll(&mut context);
                self.polled(slot, polled);
            }
            FiberCall::Batch(call) => {
                let polled = call.poll(&mut context);
                self.polled(slot, polled);
            }
        }
    }

    fn polled<I: CallInput>(&mut self, slot: u32, polled: Poll<Returned<I>>) {
        let Poll::Ready((input, called)) = polled else {
            return;
        };
        let Some(resident) = &mut self.slots[slot as usize].resident else {
            return;
        };
        let outcome = match called {
            Ok(Called { agent, outcome }) => {
                resident.complete(Started::Async(agent), &input, outcome)
            }
            Err(error) => {
                resident.state = State::Absent;
                Err(error)
            }
        };
        let id = resident.id;
        self.settle(id, input, outcome);
        self.make_ready(slot);
    }

    /// Accounts for the messages of a call, and posts what came of them.
    fn settle<I: CallInput>(
        &mut self,
        agent: AgentId,
        input: I,
        outcome: Result<I::Output, CallError>,
    ) {
        match outcome {
            Ok(output) => input.settle(self, agent, output),
            Err(CallError::Failure(failure)) => {
                for envelope in input.envelopes() {
                    self.failed(envelope, DeliveryError::Failed(failure.clone()));
                }
            }
            Err(CallError::Fault(fault)) => {
                for envelope in input.envelopes() {
                    self.failed(envelope, DeliveryError::Ended(fault.clone()));
                }
                if !matches!(fault.cause, Cause::Unsupported(_)) {
                    self.ended(agent, &fault);
                }
            }
        }
    }

    /// Accounts for a message that an agent handled, and posts its replies.
    fn handled(&mut self, agent: AgentId, envelope: Envelope, replies: Vec<crate::Message>) {
        self.accounts.handled += 1;
        self.release_window(&envelope);
        self.post_all(agent, replies, envelope.next_hops());
    }

    /// Accounts for a message that an agent did not handle, and tells its sender.
    pub(super) fn failed(&mut self, envelope: Envelope, why: DeliveryError) {
        self.accounts.failed += 1;
        self.release_window(&envelope);
        self.notify_sender(envelope, why);
    }
}
