//! Interrupting a guest by a store to a page, instead of wasmtime's epochs.
//!
//! An epoch check loads a counter, compares it, and branches to a call, around which Cranelift
//! spills a loop's registers. A store of one byte has neither branch nor call. So components are
//! rewritten to store to a page of their own where wasmtime would check epochs (`rewrite`,
//! `checks`). At a call's deadline the `monitor` makes the page read-only, the next store
//! traps, and the end of the call makes it writable again (`record`).
//!
//! Wasmtime is not changed: to wasmtime the page is one more memory of the component. A load in
//! place of the store would not do, because Cranelift removes one whose value is not used.

mod checks;
mod monitor;
mod record;
mod rewrite;

pub(crate) use monitor::{Watched, start};
pub(crate) use rewrite::{IMPORT, INSTANCES, VERSION};
pub use rewrite::{Refusal, rewrite};

use crate::config::{Allocation, Calls, Interrupt, Layout, SandboxConfig, Strategy};
use crate::wasm::SLOTS_A_POOL;
use crate::wasm::state::State;
use monitor::Later;
use record::Page;
use std::time::Duration;
use wasmtime::component::{Linker, WasmList};
use wasmtime::{Result, StoreContextMut, Trap};

/// The most slots of which each has a page besides: as many as fit in the address space twice,
/// and in the mappings that the kernel allows by default.
const SLOTS: u32 = 5_000;

// So there is one pool, for which a component is rewritten once.
const _: () = assert!(SLOTS <= SLOTS_A_POOL);

/// Returns why no component can be interrupted by a page under a sandbox config. `None` if they
/// can, or if it does not ask for it.
pub(crate) fn refused(config: &SandboxConfig) -> Option<String> {
    if config.interrupt != Interrupt::Page {
        return None;
    }
    let Allocation { strategy, layout, slots, .. } = config.allocation;
    if layout == Layout::Packed {
        return Some("the layout `packed` has no traps by signal".to_owned());
    }
    let engine = &config.engine;
    let traps = [engine.memory_reservation, engine.memory_guard].iter().all(Option::is_none)
        && engine.signals_based_traps != Some(false);
    if !traps {
        // Where wasmtime checks bounds by itself, it does not expect an access to fault.
        return Some("`[engine]` has accesses checked, not trapped by signal".to_owned());
    }
    if config.calls == Calls::Async {
        return Some(FIBERS.to_owned());
    }
    if config.fuel.is_some() {
        return Some("the checks would use fuel".to_owned());
    }
    (strategy == Strategy::Pooled && slots > SLOTS)
        .then(|| format!("it takes a second memory per slot, and `slots` is over {SLOTS}"))
}

/// The reason for calls on fibers: a guest that is interrupted there yields, and goes on.
pub(crate) const FIBERS: &str = "its calls run on fibers";

/// Returns the interruption that the engines of a sandbox config are for.
pub(crate) fn in_force(config: &SandboxConfig) -> Interrupt {
    if refused(config).is_some() { Interrupt::Epoch } else { config.interrupt }
}

/// A store's interrupt page and the state of its calls.
#[derive(Debug, Default)]
pub(crate) struct Pages {
    /// The page; `None` until the component has reported it.
    pub page: Option<Page>,
    /// The call that begins when the page is reported, and its time limit.
    starting: Option<(Later, Duration)>,
    /// True if the last call was stopped at its deadline.
    pub was_stopped: bool,
}

impl Pages {
    /// Begins the instantiation of a component, whose time runs from when it has reported its page.
    pub fn begin_start(&mut self, limit: Duration) -> Watched {
        let (watched, later) = Watched::later();
        self.starting = Some((later, limit));
        watched
    }
}

/// Links the function by which a component reports its page.
///
/// # Errors
/// If the linker has another of that name.
pub(crate) fn link(linker: &mut Linker<State>) -> Result<()> {
    linker.root().func_wrap(IMPORT, told)
}

fn told(mut store: StoreContextMut<'_, State>, (first,): (WasmList<u8>,)) -> Result<()> {
    let page = Page::new(first.as_le_slice(&store).as_ptr());
    let pages = &mut store.data_mut().pages;
    // A component is rewritten so that it tells once.
    let (None, Some((later, limit))) = (pages.page, pages.starting.take()) else {
        return Err(Trap::CannotEnterComponent.into());
    };
    pages.page = Some(page);
    // SAFETY: only the start function of a rewritten component calls this, during the instantiation
    // whose `Watched` is there. The page is a memory of its store, which lives longer than that. No
    // module of the guest's can name it, and neither the host nor wasmtime writes to it.
    unsafe { later.begin(page, limit) };
    Ok(())
}
