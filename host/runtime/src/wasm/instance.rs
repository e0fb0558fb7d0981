//! One running component: a store, and the calls into it.

use super::Program;
use super::engine::deadline_ticks;
use super::fault::classify;
use super::state::State;
use crate::agent::Batch;
use crate::bindings::plain::exports::sandlab::agent::agent as sync;
use crate::bindings::plain_async::exports::sandlab::agent::agent as fiber;
use crate::outbox::Sending;
use crate::{
    Agent, AsyncAgent, Call, CallError, Called, Failure, Fault, Handled, Identity, LogLine,
    Message, Profile, Usage,
};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use wasmtime::component::{
    ComponentExportIndex, ComponentNamedList, Instance as Linked, InstancePre, Lift, Lower,
};
use wasmtime::{Error, Store, Trap};

/// Where the exports of a component are, found once when it is loaded.
pub struct Exports {
    sync: sync::GuestIndices,
    fiber: fiber::GuestIndices,
    batch: Option<ComponentExportIndex>,
    checkpoint: Option<ComponentExportIndex>,
    restore: Option<ComponentExportIndex>,
}

impl Exports {
    /// # Errors
    /// If the component does not export `agent`, or with another signature.
    pub fn find(pre: &InstancePre<State>) -> Result<Self, Error> {
        let component = pre.component();
        let optional = |interface, function| {
            let interface = component.get_export_index(None, interface)?;
            component.get_export_index(Some(&interface), function)
        };
        Ok(Self {
            sync: sync::GuestIndices::new(pre)?,
            fiber: fiber::GuestIndices::new(pre)?,
            batch: optional("sandlab:agent/batch@0.1.0", "handle-batch"),
            checkpoint: optional("sandlab:agent/state@0.1.0", "checkpoint"),
            restore: optional("sandlab:agent/state@0.1.0", "restore"),
        })
    }

    /// The world of the WIT package that the component targets.
    pub fn world(&self) -> &'static str {
        match (&self.batch, &self.checkpoint) {
            (None, None) => "plain-agent",
            (Some(_), None) => "batch-agent",
            (None, Some(_)) => "durable-agent",
            (Some(_), Some(_)) => "batch-agent and durable-agent",
        }
    }
}

/// One running component.
pub struct Instance {
    store: Store<State>,
    linked: Linked,
    guest: Guest,
    program: Arc<Program>,
    deadline: u64,
    fuel: Option<u64>,
    ended: bool,
}

/// The exported interface `agent`, for one of the two ways to call it.
enum Guest {
    Sync(sync::Guest),
    Fiber(fiber::Guest),
}

impl Instance {
    /// # Errors
    /// If the component does not come up within its limits.
    pub(super) fn spawn(program: Arc<Program>, identity: Identity) -> Result<Self, Fault> {
        let profile = &*program.profile;
        let state = State::new(profile, identity)?;
        let mut store = Store::new(program.pre.engine(), state);
        store.limiter(|state| &mut state.limiter);
        store.set_hostcall_fuel(
            usize::try_from(profile.result_limit.as_u64()).unwrap_or(usize::MAX),
        );
        let deadline = if program.fiber {
            // With each tick a call on a fiber lets others have the thread; its deadline
            // is that of the future.
            store.epoch_deadline_async_yield_and_update(1);
            1
        } else {
            deadline_ticks(profile.deadline)
        };
        arm(&mut store, deadline, profile.fuel).map_err(host)?;
        let started = start(&program, &mut store);
        let (linked, guest) = started.map_err(|error| not_started(&error, &store, profile))?;
        Ok(Self {
            deadline,
            fuel: profile.fuel,
            ended: false,
            store,
            linked,
            guest,
            program,
        })
    }

    /// Runs one call: arms its limits, and turns an error into the fault that ends the instance.
    fn call<R>(
        &mut self,
        sending: Sending,
        call: impl FnOnce(&mut Store<State>, &Linked, &Guest) -> Result<R, Error>,
    ) -> Result<R, Fault> {
        if self.ended {
            return Err(Fault::Ended);
        }
        self.store.data_mut().begin_call(sending);
        arm(&mut self.store, self.deadline, self.fuel).map_err(host)?;
        let called = call(&mut self.store, &self.linked, &self.guest);
        called.map_err(|error| self.ended_by(&error))
    }

    /// Calls a function of an optional interface.
    fn optional<P, R>(
        &mut self,
        name: &'static str,
        sending: Sending,
        index: impl FnOnce(&Exports) -> Option<ComponentExportIndex>,
        params: P,
    ) -> Result<R, Fault>
    where
        P: ComponentNamedList + Lower + Sync + Send,
        R: ComponentNamedList + Lift + Sync + Send + 'static,
    {
        let index = index(&self.program.exports).ok_or(Fault::Unsupported(name.to_owned()))?;
        let deadline = self.program.profile.deadline;
        self.call(sending, |store, linked, guest| {
            let function = linked.get_typed_func::<P, R>(&mut *store, index)?;
            match guest {
                Guest::Sync(_) => function.call(store, params),
                Guest::Fiber(_) => on_fiber(deadline, function.call_async(store, params)),
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
        if self.ended {
            return Err(Fault::Ended.into());
        }
        self.store.data_mut().begin_call(Sending::Allowed);
        arm(&mut self.store, self.deadline, self.fuel).map_err(host)?;
        let deadline = self.program.profile.deadline;
        let returned = match &self.guest {
            Guest::Sync(guest) => guest.call_handle(&mut self.store, message),
            Guest::Fiber(guest) => {
                timed(deadline, guest.call_handle(&mut self.store, message)).await
            }
        };
        let returned = returned.map_err(|error| self.ended_by(&error))?;
        let (replies, sent) = self.answer(returned)?;
        Ok(Handled { replies, sent })
    }

    /// The fault behind an error, which ends the instance.
    fn ended_by(&mut self, error: &Error) -> Fault {
        self.ended = true;
        classify(error, self.store.data(), &self.program.profile)
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
}

impl Agent for Instance {
    fn configure(&mut self, config: &[u8]) -> Result<Vec<Message>, CallError> {
        let deadline = self.program.profile.deadline;
        let returned = self.call(Sending::Allowed, |store, _, guest| match guest {
            Guest::Sync(guest) => guest.call_configure(store, config),
            Guest::Fiber(guest) => on_fiber(deadline, guest.call_configure(store, config)),
        })?;
        self.answer(returned).map(|((), sent)| sent)
    }

    fn handle(&mut self, message: &Message) -> Result<Handled, CallError> {
        let deadline = self.program.profile.deadline;
        let returned = self.call(Sending::Allowed, |store, _, guest| match guest {
            Guest::Sync(guest) => guest.call_handle(store, message),
            Guest::Fiber(guest) => on_fiber(deadline, guest.call_handle(store, message)),
        })?;
        let (replies, sent) = self.answer(returned)?;
        Ok(Handled { replies, sent })
    }

    fn handle_batch(&mut self, messages: &[Message]) -> Result<Batch, CallError> {
        let (results,) = self.optional(
            "batch",
            Sending::Allowed,
            |exports| exports.batch,
            (messages,),
        )?;
        let (results, sent) = self.answer(Ok(results))?;
        Ok(Batch { results, sent })
    }

    fn checkpoint(&mut self) -> Result<Vec<u8>, CallError> {
        let (returned,) =
            self.optional("state", Sending::Denied, |exports| exports.checkpoint, ())?;
        self.answer(returned).map(|(state, _)| state)
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), CallError> {
        let (returned,) = self.optional(
            "state",
            Sending::Denied,
            |exports| exports.restore,
            (state,),
        )?;
        self.answer(returned).map(|((), _)| ())
    }

    fn usage(&self) -> Usage {
        let state = self.store.data();
        let fuel = self.fuel.zip(self.store.get_fuel().ok());
        Usage {
            memory: Some(state.limiter.memory()),
            memory_peak: Some(state.limiter.memory_peak()),
            fuel: fuel.map(|(given, left)| given - left),
            log_dropped: state.outbox.log_dropped(),
        }
    }

    fn take_log(&mut self) -> Vec<LogLine> {
        self.store.data_mut().outbox.take_log()
    }
}

/// Why an instance did not come up. What is no trap of the guest's own code is the
/// machine's: no memory, no mapping.
fn not_started(error: &Error, store: &Store<State>, profile: &Profile) -> Fault {
    match classify(error, store.data(), profile) {
        Fault::Trap(text) if !error.is::<Trap>() => Fault::Host(text),
        fault => fault,
    }
}

/// Gives the next call its time and its fuel.
fn arm(store: &mut Store<State>, deadline: u64, fuel: Option<u64>) -> Result<(), Error> {
    store.set_epoch_deadline(deadline);
    fuel.map_or(Ok(()), |fuel| store.set_fuel(fuel))
}

fn start(program: &Program, store: &mut Store<State>) -> Result<(Linked, Guest), Error> {
    let Program { pre, exports, .. } = program;
    if program.fiber {
        let deadline = program.profile.deadline;
        let linked = on_fiber(deadline, pre.instantiate_async(&mut *store))?;
        let guest = exports.fiber.load(&mut *store, &linked)?;
        return Ok((linked, Guest::Fiber(guest)));
    }
    let linked = pre.instantiate(&mut *store)?;
    let guest = exports.sync.load(&mut *store, &linked)?;
    Ok((linked, Guest::Sync(guest)))
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

fn host(error: Error) -> Fault {
    Fault::Host(format!("{error:#}"))
}
