//! A store under a sandbox config's limits, and the waiting for calls that run on fibers.

use super::engine::{EPOCH_TICK, deadline_ticks};
use super::sampler::Sampler;
use super::state::State;
use crate::config::SandboxConfig;
use std::future::Future;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use wasmtime::{Engine, Error, Store, Trap};

/// Creates a store under the limits of a sandbox config, whose guest is sampled if there is a
/// sampler. Returns it with the epochs of a call.
pub fn limited<T: Send>(
    engine: &Engine,
    data: T,
    state: impl Fn(&mut T) -> &mut State + Copy + Send + Sync + 'static,
    config: &SandboxConfig,
    sampler: Option<&Sampler>,
    fiber: bool,
) -> (Store<T>, u64) {
    let mut store = Store::new(engine, data);
    store.limiter(move |data| &mut state(data).limiter);
    store.set_hostcall_fuel(usize::try_from(config.result_limit.as_u64()).unwrap_or(usize::MAX));
    // One more than the agent may keep: the content of the running call's message.
    let contents = (config.contents.count as usize).saturating_add(1);
    let handles = config.budgets.handles as usize;
    store.set_max_component_handles(handles.saturating_add(contents));
    if let Some(sampler) = sampler {
        let deadline = deadline_ticks(config.deadline, sampler.interval());
        sampler.watch(&mut store, state, deadline, fiber);
        return (store, 1);
    }
    if fiber {
        // At each tick a call on a fiber yields its thread to others. Its deadline is the
        // future's timeout.
        store.epoch_deadline_async_yield_and_update(1);
        return (store, 1);
    }
    (store, deadline_ticks(config.deadline, EPOCH_TICK))
}

/// Sets the next call's deadline and fuel.
pub fn arm<T>(store: &mut Store<T>, deadline: u64, fuel: Option<u64>) -> Result<(), Error> {
    store.set_epoch_deadline(deadline);
    fuel.map_or(Ok(()), |fuel| store.set_fuel(fuel))
}

/// Waits for a call on a fiber. The epoch stops a guest that computes; the timeout also stops
/// one that waits, by dropping the call.
pub fn on_fiber<R>(
    deadline: Duration,
    call: impl Future<Output = Result<R, Error>>,
) -> Result<R, Error> {
    block_on(timed(deadline, call))?
}

/// Runs a future on this thread's own tokio runtime.
///
/// # Errors
/// If the runtime cannot be started.
pub fn block_on<R>(future: impl Future<Output = R>) -> Result<R, Error> {
    thread_local! {
        static RUNTIME: Result<Runtime, String> = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| format!("cannot start a tokio runtime: {error}"));
    }
    RUNTIME.with(|runtime| {
        let runtime = runtime.as_ref().map_err(|error| Error::msg(error.clone()))?;
        Ok(runtime.block_on(future))
    })
}

/// Waits for a call on a fiber, and drops it at its deadline.
pub async fn timed<R>(
    deadline: Duration,
    call: impl Future<Output = Result<R, Error>>,
) -> Result<R, Error> {
    let timed = tokio::time::timeout(deadline, call).await;
    timed.unwrap_or_else(|_| Err(Trap::Interrupt.into()))
}
