//! One running component: a store, and the calls into it.

use super::Program;
use super::engine::deadline_ticks;
use super::exports::{AgentGuest, BatchGuest, Exports, ParcelsGuest, Way};
use super::fault::classify;
use super::state::State;
use crate::agent::Batch;
use crate::bindings::contents::Parcel;
use crate::outbox::Sending;
use crate::{
    Agent, AsyncAgent, Call, CallError, Called, Failure, Fault, Handled, Identity, Interface,
    LogLine, Message, SandboxConfig, Usage,
};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use wasmtime::component::{
    ComponentExportIndex, ComponentNamedList, Instance as Linked, Lift, Lower,
};
use wasmtime::{Error, Store, Trap, WasmBacktrace};

/// One running component.
pub struct Instance {
    store: Store<State>,
    linked: Linked,
    guest: AgentGuest,
    /// Found with its first call.
    batch: Option<BatchGuest>,
    /// Found with its first call.
    parcels: Option<ParcelsGuest>,
    program: Arc<Program>,
    deadline: u64,
    fuel: Option<u64>,
    ended: bool,
}

impl Instance {
    /// # Errors
    /// If the component does not come up within its limits.
    pub(super) fn spawn(program: Arc<Program>, identity: Identity) -> Result<Self, Fault> {
        let config = &*program.config;
        let state = State::new(config, identity)?;
        let mut store = Store::new(program.pre.engine(), state);
        store.limiter(|state| &mut state.limiter);
        store
            .set_hostcall_fuel(usize::try_from(config.result_limit.as_u64()).unwrap_or(usize::MAX));
        // What the agent may keep, while it has one content more.
        let contents = (config.contents.count as usize).saturating_add(1);
        let handles = config.budgets.handles as usize;
        store.set_max_component_handles(handles.saturating_add(contents));
        let deadline = if program.fiber {
            // With each tick a call on a fiber lets others have the thread; its deadline
            // is that of the future.
            store.epoch_deadline_async_yield_and_update(1);
            1
        } else {
            deadline_ticks(config.deadline)
        };
        arm(&mut store, deadline, config.fuel).map_err(host)?;
        let started = start(&program, &mut store);
        let (linked, guest) = started.map_err(|error| not_started(&error, &store, config))?;
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
        })
    }

    /// Runs one call: arms its limits, and turns an error into the fault that ends the instance.
    fn call<R>(
        &mut self,
        sending: Sending,
        call: impl FnOnce(&mut Store<State>, &Linked, &AgentGuest) -> Result<R, Error>,
    ) -> Result<R, Fault> {
        self.begin(sending)?;
        let called = call(&mut self.store, &self.linked, &self.guest);
        called.map_err(|error| self.ended_by(&error))
    }

    /// Arms the next call's limits: on the way of every call.
    #[inline]
    fn begin(&mut self, sending: Sending) -> Result<(), Fault> {
        if self.ended {
            return Err(Fault::Ended);
        }
        self.store.data_mut().begin_call(sending);
        arm(&mut self.store, self.deadline, self.fuel).map_err(host)
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

    /// Passes on what a call returned; a failure takes back what the call sent.
    fn answer<R>(&mut self, returned: Result<R, Failure>) -> Result<(R, Vec<Message>), CallError> {
        let sent = self.store.data_mut().outbox.take_sent();
        match returned {
            Ok(value) => Ok((value, sent)),
            Err(failure) => Err(CallError::Failure(failure)),
        }
    }
}

impl Instance {
    /// Calls `handle` on a fiber: the same as [`Agent::handle`], but waits as a future.
    async fn handle_on_fiber(&mut self, message: &Message) -> Result<Handled, CallError> {
        self.begin(Sending::Allowed)?;
        let deadline = self.program.config.deadline;
        let returned = match &self.guest {
            Way::Sync(guest) => guest.call_handle(&mut self.store, message),
            Way::Fiber(guest) => timed(deadline, guest.call_handle(&mut self.store, message)).await,
        };
        let returned = returned.map_err(|error| self.ended_by(&error))?;
        self.handled(returned)
    }

    /// What handling a message brought, if it is not too much.
    fn handled(&mut self, returned: Result<Vec<Message>, Failure>) -> Result<Handled, CallError> {
        self.check_replies(returned.as_ref().map_or(0, Vec::len))?;
        let (replies, sent) = self.answer(returned)?;
        Ok(Handled { replies, sent })
    }

    fn check_replies(&mut self, replies: usize) -> Result<(), Fault> {
        let checked = self.store.data().outbox.check_replies(replies);
        self.ended = checked.is_err();
        checked
    }

    /// As [`handle_on_fiber`](Self::handle_on_fiber), of many messages.
    async fn batch_on_fiber(&mut self, messages: &[Message]) -> Result<Batch, CallError> {
        self.begin_batch()?;
        let deadline = self.program.config.deadline;
        let returned = match &self.batch {
            Some(Way::Sync(guest)) => guest.call_handle_batch(&mut self.store, messages),
            Some(Way::Fiber(guest)) => {
                timed(deadline, guest.call_handle_batch(&mut self.store, messages)).await
            }
            None => return Err(unsupported(Interface::Batch).into()),
        };
        self.end_batch(returned)
    }

    /// Arms a call of `batch`, and finds it for the first one.
    fn begin_batch(&mut self) -> Result<(), Fault> {
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
        returned: Result<Vec<Result<Vec<Message>, Failure>>, Error>,
    ) -> Result<Batch, CallError> {
        let results = returned.map_err(|error| self.ended_by(&error))?;
        self.check_replies(results.iter().flatten().map(Vec::len).sum())?;
        let sent = self.store.data_mut().outbox.take_sent();
        Ok(Batch { results, sent })
    }

    /// As [`handle_on_fiber`](Self::handle_on_fiber), with the content in the host's memory.
    async fn parcel_on_fiber(&mut self, message: Message) -> Result<Handled, CallError> {
        let parcel = self.begin_parcel(message)?;
        let deadline = self.program.config.deadline;
        let returned = match &self.parcels {
            Some(Way::Sync(guest)) => guest.call_handle_parcel(&mut self.store, parcel),
            Some(Way::Fiber(guest)) => {
                timed(deadline, guest.call_handle_parcel(&mut self.store, parcel)).await
            }
            None => return Err(unsupported(Interface::Parcels).into()),
        };
        self.end_parcel(returned)
    }

    /// Arms a call of `parcels`, and finds it for the first one.
    fn begin_parcel(&mut self, message: Message) -> Result<Parcel, Fault> {
        let exports = &self.program.exports;
        if self.parcels.is_none() {
            let found = exports.parcels(&mut self.store, &self.linked);
            let found = found.ok_or_else(|| unsupported(Interface::Parcels))?;
            self.parcels = Some(found.map_err(host)?);
        }
        self.begin(Sending::Allowed)?;
        let lent = self.store.data_mut().contents.lend(message);
        lent.map_err(host)
    }

    fn end_parcel(
        &mut self,
        returned: Result<Result<Vec<Parcel>, Failure>, Error>,
    ) -> Result<Handled, CallError> {
        let returned = returned.map_err(|error| self.ended_by(&error))?;
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

    /// The fault behind an error, which ends the instance.
    fn ended_by(&mut self, error: &Error) -> Fault {
        self.ended = true;
        classify(error, self.store.data(), &self.program.config)
    }
}

impl AsyncAgent for Instance {
    fn call(mut self: Box<Self>, message: Message) -> Call {
        Box::pin(async move {
            let outcome = self.handle_on_fiber(&message).await;
            Called {
                agent: self,
                outcome,
            }
        })
    }

    fn call_parcel(mut self: Box<Self>, message: Message) -> Call {
        Box::pin(async move {
            let outcome = self.parcel_on_fiber(message).await;
            Called {
                agent: self,
                outcome,
            }
        })
    }

    fn call_batch(mut self: Box<Self>, messages: Vec<Message>) -> Call<Batch> {
        Box::pin(async move {
            let outcome = self.batch_on_fiber(&messages).await;
            Called {
                agent: self,
                outcome,
            }
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
        self.begin_batch()?;
        let deadline = self.program.config.deadline;
        let returned = match &self.batch {
            Some(Way::Sync(guest)) => guest.call_handle_batch(&mut self.store, messages),
            Some(Way::Fiber(guest)) => {
                on_fiber(deadline, guest.call_handle_batch(&mut self.store, messages))
            }
            None => return Err(unsupported(Interface::Batch).into()),
        };
        self.end_batch(returned)
    }

    fn handle_parcel(&mut self, message: Message) -> Result<Handled, CallError> {
        let parcel = self.begin_parcel(message)?;
        let deadline = self.program.config.deadline;
        let returned = match &self.parcels {
            Some(Way::Sync(guest)) => guest.call_handle_parcel(&mut self.store, parcel),
            Some(Way::Fiber(guest)) => {
                on_fiber(deadline, guest.call_handle_parcel(&mut self.store, parcel))
            }
            None => return Err(unsupported(Interface::Parcels).into()),
        };
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
}

/// Why an instance did not come up. What did not happen in the guest's own code is the
/// machine's: no memory, no mapping.
fn not_started(error: &Error, store: &Store<State>, config: &SandboxConfig) -> Fault {
    match classify(error, store.data(), config) {
        Fault::Contract(text) if !error.is::<WasmBacktrace>() => Fault::Host(text),
        fault => fault,
    }
}

/// Gives the next call its time and its fuel.
fn arm(store: &mut Store<State>, deadline: u64, fuel: Option<u64>) -> Result<(), Error> {
    store.set_epoch_deadline(deadline);
    fuel.map_or(Ok(()), |fuel| store.set_fuel(fuel))
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

/// Waits for a call on a fiber. The epoch stops a guest that computes; this also stops
/// one that waits, by dropping the call.
fn on_fiber<R>(
    deadline: Duration,
    call: impl Future<Output = Result<R, Error>>,
) -> Result<R, Error> {
    thread_local! {
        static RUNTIME: Result<Runtime, String> = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| format!("cannot start a tokio runtime: {error}"));
    }
    RUNTIME.with(|runtime| {
        let runtime = runtime
            .as_ref()
            .map_err(|error| Error::msg(error.clone()))?;
        runtime.block_on(timed(deadline, call))
    })
}

async fn timed<R>(
    deadline: Duration,
    call: impl Future<Output = Result<R, Error>>,
) -> Result<R, Error> {
    let timed = tokio::time::timeout(deadline, call).await;
    timed.unwrap_or_else(|_| Err(Trap::Interrupt.into()))
}

fn unsupported(interface: Interface) -> Fault {
    Fault::Unsupported(interface.to_string())
}

fn host(error: Error) -> Fault {
    Fault::Host(format!("{error:#}"))
}
