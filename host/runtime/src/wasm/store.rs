//! A store under a sandbox config's limits, and the waiting for calls that run on fibers.

use super::engine::{EPOCH_TICK, deadline_ticks};
use super::interrupt::Watched;
use super::sampler::Sampler;
use super::state::State;
use crate::config::{Interrupt, SandboxConfig};
use std::future::Future;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use wasmtime::{Engine, Error, Store, Trap};

/// The deadline of a store's calls.
#[derive(Debug, Clone, Copy)]
pub enum Deadline {
    /// After so many ticks of the epoch.
    Ticks(u64),
    /// By the store's interrupt page.
    Page(Duration),
    /// None for a guest that computes.
    Never,
}

/// Creates a store under the limits of a sandbox config, for a component that is interrupted so,
/// and sampled if there is a sampler. Returns it with the deadline of its calls.
pub fn limited(
    engine: &Engine,
    mut data: State,
    config: &SandboxConfig,
    interrupt: Interrupt,
    sampler: Option<&Sampler>,
    fiber: bool,
) -> (Store<State>, Deadline) {
    if interrupt == Interrupt::Page {
        data.limiter.exempt_page();
    }
    let mut store = Store::new(engine, data);
    store.limiter(|data| &mut data.limiter);
    store.set_hostcall_fuel(usize::try_from(config.result_limit.as_u64()).unwrap_or(usize::MAX));
    // One more than the agent may keep: the content of the running call's message.
    let contents = (config.contents.count as usize).saturating_add(1);
    let handles = config.budgets.handles as usize;
    store.set_max_component_handles(handles.saturating_add(contents));
    if let Some(sampler) = sampler {
        let deadline = deadline_ticks(config.deadline, sampler.interval());
        sampler.watch(&mut store, deadline, fiber);
        return (store, Deadline::Ticks(1));
    }
    let deadline = match interrupt {
        Interrupt::Epoch if fiber => {
            // At each tick a call on a fiber yields its thread to others. Its deadline is the
            // future's timeout.
            store.epoch_deadline_async_yield_and_update(1);
            Deadline::Ticks(1)
        }
        Interrupt::Epoch => Deadline::Ticks(deadline_ticks(config.deadline, EPOCH_TICK)),
        Interrupt::Page => Deadline::Page(config.deadline),
        Interrupt::None => Deadline::Never,
    };
    (store, deadline)
}

/// Sets the deadline and the fuel of an instantiation. What is returned has to be kept until it
/// has [ended](end), and no longer than the store.
///
/// # Errors
/// If the engine has no fuel.
pub fn begin_start(
    store: &mut Store<State>,
    deadline: Deadline,
    fuel: Option<u64>,
) -> Result<Watched, Error> {
    set(store, deadline, fuel)?;
    Ok(match deadline {
        Deadline::Page(limit) => store.data_mut().pages.begin_start(limit),
        Deadline::Ticks(_) | Deadline::Never => Watched::default(),
    })
}

/// Sets the deadline and the fuel of a call. What is returned has to be kept until it has
/// [ended](end), and no longer than the store.
///
/// # Errors
/// If the engine has no fuel.
#[inline]
pub fn begin(
    store: &mut Store<State>,
    deadline: Deadline,
    fuel: Option<u64>,
) -> Result<Watched, Error> {
    set(store, deadline, fuel)?;
    let Deadline::Page(limit) = deadline else { return Ok(Watched::default()) };
    let page = store.data().pages.page;
    let page = page.ok_or_else(|| Error::msg("the component has not told its interrupt page"))?;
    // SAFETY: the page is a memory of the store, and callers keep what is returned no longer than
    // the store. No module of the guest's can name it, and neither the host nor wasmtime writes
    // to it.
    Ok(unsafe { Watched::begin(page, limit) })
}

fn set(store: &mut Store<State>, deadline: Deadline, fuel: Option<u64>) -> Result<(), Error> {
    if let Deadline::Ticks(ticks) = deadline {
        store.set_epoch_deadline(ticks);
    }
    fuel.map_or(Ok(()), |fuel| store.set_fuel(fuel))
}

/// Ends a call or an instantiation. It must be, before the fault behind its error is told.
#[inline]
pub fn end(store: &mut Store<State>, watched: Watched) {
    store.data_mut().pages.was_stopped = watched.end();
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
