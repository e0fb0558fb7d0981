//! One running component: a store, and the calls into it.

use super::Program;
use super::ahead::Home;
use super::exports::{AgentGuest, BatchGuest, Exports, ParcelsGuest, Way};
use super::fault::{classify, classify_start};
use super::interrupt::Watched;
use super::state::State;
use super::store::{Deadline, begin, begin_start, end, limited, on_fiber, timed};
use crate::agent::Batch;
use crate::bindings::contents::Parcel;
use crate::outbox::Sending;
use crate::{
    Agent, AsyncAgent, Call, CallError, Called, Cause, Failure, Fault, Handled, Identity,
    Interface, LogLine, Message, Usage,
};
use std::sync::Arc;
use wasmtime::component::{
    ComponentExportIndex, ComponentNamedList, Instance as Linked, Lift, Lower,
};
use wasmtime::{Error, Store};

/// One running component.
pub struct Instance {
    store: Store<State>,
    linked: Linked,
    guest: AgentGuest,
    /// Looked up at its first call.
    batch: Option<BatchGuest>,
    /// Looked up at its first call.
    parcels: Option<ParcelsGuest>,
    program: Arc<Program>,
    deadline: Deadline,
    fuel: Option<u64>,
    ended: bool,
    /// `None` if it is not one of many on a thread.
    home: Option<Home>,
}

impl Instance {
    /// Instantiates the component in a store of its own.
    ///
    /// # Errors
    /// If the component does not come up within its limits.
    pub(super) fn spawn(program: Arc<Program>, identity: Identity) -> Result<Self, Fault> {
        let config = &*program.config;
        let state = State::new(config, identity, program.fiber)?;
        let engine = program.pre.engine();
        let sampler = program.sampler.as_ref();
        let (mut store, deadline) =
            limited(engine, state, config, program.interrupt, sampler, program.fiber);
        let watched = begin_start(&mut store, deadline, config.fuel).map_err(host)?;
        let started = start(&program, &mut store);
        end(&mut store, watched);
        let (linked, guest) = started
            .map_err(|error| classify_start(&error, &mut store, config, &program.modules))?;
        Ok(Self {
            deadline,
            fuel: config.fuel,
            ended: false,
            store,
            linked,
            guest,
            batch: None,
            parcels: None,
            program,
            home: None,
        })
    }

    /// Adds what is known of where it lies.
    pub(super) fn at(mut self, home: Home) -> Self {
        self.home = Some(home);
        self
    }

    /// Runs one call within its limits. An error becomes the fault that ends the instance.
    fn call<R>(
        &mut self,
        sending: Sending,
        call: impl FnOnce(&mut Store<State>, &Linked, &AgentGuest) -> Result<R, Error>,
    ) -> Result<R, Fault> {
        let watched = self.begin(sending)?;
        let called = call(&mut self.store, &self.linked, &self.guest);
        self.end(watched, called)
    }

    /// Resets the limits for the next call. Runs in every call.
    #[inline]
    fn begin(&mut self, sending: Sending) -> Result<Watched, Fault> {
        if self.ended {
            return Err(Cause::Ended.into());
        }
        self.store.data_mut().begin_call(sending);
        begin(&mut self.store, self.deadline, self.fuel).map_err(host)
    }

    /// Ends a call. An error becomes the fault that ends the instance.
    #[inline]
    fn end<R>(&mut self, watched: Watched, called: Result<R, Error>) -> Result<R, Fault> {
        end(&mut self.store, watched);
        called.map_err(|error| self.ended_by(&error))
    }

    /// Calls a function of `state`.
    fn state<P, R>(
        &mut self,
        index: impl FnOnce(&Exports) -> Option<ComponentExportIndex>,
        params: P,
    ) -> Result<R, Fault>
    where
        P: ComponentNamedList + Lower + Sync + Send,
        R: ComponentNamedList + Lift + Sync + Send + 'static,
    {
        let index = index(&self.program.exports).ok_or_else(|| unsupported(Interface::State))?;
        let deadline = self.program.config.deadline;
        self.call(Sending::Denied, |store, linked, guest| {
            let function = linked.get_typed_func::<P, R>(&mut *store, index)?;
            match guest {
                Way::Sync(_) => function.call(store, params),
                Way::Fiber(_) => on_fiber(deadline, function.call_async(store, params)),
            }
        })
    }

    /// Returns a call's result and the messages that it sent. A failure discards those.
    fn answer<R>(&mut self, returned: Result<R, Failure>) -> Result<(R, Vec<Message>), CallError> {
        let sent = self.store.data_mut().outbox.take_sent();
        match returned {
            Ok(value) => Ok((value, sent)),
            Err(failure) => Err(CallError::Failure(failure)),
        }
    }
}

impl Instance {
    /// Calls `handle` like [`Agent::handle`], but waits as a future.
    async fn handle_on_fiber(&mut self, message: &Message) -> Result<Handled, CallError> {
        let watched = self.begin(Sending::Allowed)?;
        let deadline = self.program.config.deadline;
        let returned = match &self.guest {
            Way::Sync(guest) => guest.call_handle(&mut self.store, message),
            Way::Fiber(guest) => timed(deadline, guest.call_handle(&mut self.store, message)).await,
        };
        let returned = self.end(watched, returned)?;
        self.handled(returned)
    }

    /// Returns the outcome of handling a message, unless it has too many replies.
    fn handled(&mut self, returned: Result<Vec<Message>, Failure>) -> Result<Handled, CallError> {
        self.check_replies(returned.as_ref().map_or(0, Vec::len))?;
        let (replies, sent) = self.answer(returned)?;
        Ok(Handled { replies, sent })
    }

    fn check_replies(&mut self, replies: usize) -> Result<(), Fault> {
        let checked = self.store.data().outbox.check_replies(replies);
        self.ended = checked.is_err();
        Ok(checked?)
    }

    /// Does the same as [`handle_on_fiber`](Self::handle_on_fiber) with many messages.
    async fn batch_on_fiber(&mut self, messages: &[Message]) -> Result<Batch, CallError> {
        let watched = self.begin_batch()?;
        let deadline = self.program.config.deadline;
        let returned = match &self.batch {
            Some(Way::Sync(guest)) => guest.call_handle_batch(&mut self.store, messages),
            Some(Way::Fiber(guest)) => {
                timed(deadline, guest.call_handle_batch(&mut self.store, messages)).await
            }
            None => return Err(unsupported(Interface::Batch).into()),
        };
        let returned = self.end(watched, returned)?;
        self.end_batch(returned)
    }

    /// Prepares a call of `batch`, which the first call looks up.
    fn begin_batch(&mut self) -> Result<Watched, Fault> {
        let exports = &self.program.exports;
        if self.batch.is_none() {
            let found = exports.batch(&mut self.store, &self.linked);
            let found = found.ok_or_else(|| unsupported(Interface::Batch))?;
            self.batch = Some(found.map_err(host)?);
        }
        self.begin(Sending::Allowed)
    }

    fn end_batch(
        &mut self,
        results: Vec<Result<Vec<Message>, Failure>>,
    ) -> Result<Batch, CallError> {
        self.check_replies(results.iter().flatten().map(Vec::len).sum())?;
        let sent = self.store.data_mut().outbox.take_sent();
        Ok(Batch { results, sent })
    }

    /// Does the same as [`handle_on_fiber`](Self::handle_on_fiber) with the content in the
    /// host's memory.
    async fn parcel_on_fiber(&mut self, message: Message) -> Result<Handled, CallError> {
        let (parcel, watched) = self.begin_parcel(message)?;
        let deadline = self.program.config.deadline;
        let returned = match &self.parcels {
            Some(Way::Sync(guest)) => guest.call_handle_parcel(&mut self.store, parcel),
            Some(Way::Fiber(guest)) => {
                timed(deadline, guest.call_handle_parcel(&mut self.store, parcel)).await
            }
            None => return Err(unsupported(Interface::Parcels).into()),
        };
        let returned = self.end(watched, returned)?;
        self.end_parcel(returned)
    }

    /// Prepares a call of `parcels`, which the first call looks up.
    fn begin_parcel(&mut self, message: Message) -> Result<(Parcel, Watched), Fault> {
        let exports = &self.program.exports;
        if self.parcels.is_none() {
            let found = exports.parcels(&mut self.store, &self.linked);
            let found = found.ok_or_else(|| unsupported(Interface::Parcels))?;
            self.parcels = Some(found.map_err(host)?);
        }
        let watched = self.begin(Sending::Allowed)?;
        let lent = self.store.data_mut().contents.lend(message);
        Ok((lent.map_err(host)?, watched))
    }

    fn end_parcel(&mut self, returned: Result<Vec<Parcel>, Failure>) -> Result<Handled, CallError> {
        self.check_replies(returned.as_ref().map_or(0, Vec::len))?;
        let contents = &mut self.store.data_mut().contents;
        let replies = returned.map(|replies| {
            let taken = replies.into_iter().map(|reply| contents.take(reply));
            taken.collect::<Result<Vec<_>, _>>()
        });
        if let Err(fault) = contents.check_kept() {
            self.ended = true;
            return Err(fault.into());
        }
        let (replies, sent) = self.answer(replies)?;
        let replies = replies.map_err(|error| self.ended_by(&error))?;
        Ok(Handled { replies, sent })
    }

    /// Ends the instance, and returns the fault behind an error.
    fn ended_by(&mut self, error: &Error) -> Fault {
        self.ended = true;
        let program = &*self.program;
        classify(error, &mut self.store, &program.config, &program.modules)
    }
}

impl AsyncAgent for Instance {
    fn call(mut self: Box<Self>, message: Message) -> Call {
        Box::pin(async move {
            let outcome = self.handle_on_fiber(&message).await;
            Called { agent: self, outcome }
        })
    }

    fn call_parcel(mut self: Box<Self>, message: Message) -> Call {
        Box::pin(async move {
            let outcome = self.parcel_on_fiber(message).await;
            Called { agent: self, outcome }
        })
    }

    fn call_batch(mut self: Box<Self>, messages: Vec<Message>) -> Call<Batch> {
        Box::pin(async move {
            let outcome = self.batch_on_fiber(&messages).await;
            Called { agent: self, outcome }
        })
    }
}

impl Agent for Instance {
    fn configure(&mut self, config: &[u8]) -> Result<Vec<Message>, CallError> {
        let deadline = self.program.config.deadline;
        let returned = self.call(Sending::Allowed, |store, _, guest| match guest {
            Way::Sync(guest) => guest.call_configure(store, config),
            Way::Fiber(guest) => on_fiber(deadline, guest.call_configure(store, config)),
        })?;
        self.program.ahead.configured(config);
        self.answer(returned).map(|((), sent)| sent)
    }

    fn handle(&mut self, message: &Message) -> Result<Handled, CallError> {
        let deadline = self.program.config.deadline;
        let returned = self.call(Sending::Allowed, |store, _, guest| match guest {
            Way::Sync(guest) => guest.call_handle(store, message),
            Way::Fiber(guest) => on_fiber(deadline, guest.call_handle(store, message)),
        })?;
        self.handled(returned)
    }

    fn handle_batch(&mut self, messages: &[Message]) -> Result<Batch, CallError> {
        let watched = self.begin_batch()?;
        let deadline = self.program.config.deadline;
        let returned = match &self.batch {
            Some(Way::Sync(guest)) => guest.call_handle_batch(&mut self.store, messages),
            Some(Way::Fiber(guest)) => {
                on_fiber(deadline, guest.call_handle_batch(&mut self.store, messages))
            }
            None => return Err(unsupported(Interface::Batch).into()),
        };
        let returned = self.end(watched, returned)?;
        self.end_batch(returned)
    }

    fn handle_parcel(&mut self, message: Message) -> Result<Handled, CallError> {
        let (parcel, watched) = self.begin_parcel(message)?;
        let deadline = self.program.config.deadline;
        let returned = match &self.parcels {
            Some(Way::Sync(guest)) => guest.call_handle_parcel(&mut self.store, parcel),
            Some(Way::Fiber(guest)) => {
                on_fiber(deadline, guest.call_handle_parcel(&mut self.store, parcel))
            }
            None => return Err(unsupported(Interface::Parcels).into()),
        };
        let returned = self.end(watched, returned)?;
        self.end_parcel(returned)
    }

    fn checkpoint(&mut self) -> Result<Vec<u8>, CallError> {
        let (returned,) = self.state(|exports| exports.checkpoint, ())?;
        self.answer(returned).map(|(state, _)| state)
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), CallError> {
        let (returned,) = self.state(|exports| exports.restore, (state,))?;
        self.answer(returned).map(|((), _)| ())
    }

    fn usage(&self) -> Usage {
        let state = self.store.data();
        let fuel = self.fuel.zip(self.store.get_fuel().ok());
        Usage {
            memory: Some(state.limiter.memory()),
            memory_peak: Some(state.limiter.memory_peak()),
            denials: Some(state.limiter.denials()),
            fuel: fuel.map(|(given, left)| given - left),
            log_dropped: state.outbox.log_dropped(),
            sends_refused: state.outbox.refused(),
        }
    }

    fn take_log(&mut self) -> Vec<LogLine> {
        self.store.data_mut().outbox.take_log()
    }

    #[inline]
    fn fetch_ahead(&mut self, next: &Message) {
        if let Some(home) = &mut self.home {
            home.fetch(&self.program, next);
        }
    }
}

fn start(program: &Program, store: &mut Store<State>) -> Result<(Linked, AgentGuest), Error> {
    let Program { pre, exports, .. } = program;
    let linked = if program.fiber {
        on_fiber(program.config.deadline, pre.instantiate_async(&mut *store))?
    } else {
        pre.instantiate(&mut *store)?
    };
    let guest = exports.agent(store, &linked)?;
    Ok((linked, guest))
}

fn unsupported(interface: Interface) -> Fault {
    Cause::Unsupported(interface.to_string()).into()
}

fn host(error: Error) -> Fault {
    Cause::Host(format!("{error:#}")).into()
}
