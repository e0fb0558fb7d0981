//! A component that is linked for each pool of an engine. The pools are filled one after the
//! other.

use super::capacity::{Gate, Needs};
use crate::config::{Calls, Interrupt};
use crate::{Cause, Fault};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A component's programs, one per pool, and their shared properties.
pub struct Pools<P> {
    /// One per pool. The pools are filled one after the other.
    programs: Vec<Arc<P>>,
    /// The pool in which the last instance started.
    open: AtomicUsize,
    gate: Option<Gate>,
    pub prepared: Prepared,
}

/// The way in which a component was made ready for its instances.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The parts of a pool that one instance takes.
    pub needs: Needs,
    /// The kind of calls: sync or async, never auto.
    pub calls: Calls,
    /// The import through which the guest can block its thread, for which auto chooses async
    /// calls. `None` if there is none.
    pub blocking_import: Option<String>,
    /// The way that a guest which computes is stopped at its deadline.
    pub interrupt: Interrupt,
    /// The reason for epochs where the sandbox config asks for the page.
    pub epochs_because: Option<String>,
    /// Size of the compiled component, machine code and its data, bytes.
    pub compiled_size: u64,
    /// True if the component was compiled, false if it was taken from the cache.
    pub was_compiled: bool,
}

impl<P> Pools<P> {
    /// Takes one program per pool, at least one.
    pub fn new(programs: Vec<Arc<P>>, gate: Option<Gate>, prepared: Prepared) -> Self {
        Self { programs, open: AtomicUsize::new(0), gate, prepared }
    }

    /// Returns the program of any pool, for properties that are the same in all.
    pub fn any(&self) -> &P {
        &self.programs[0]
    }

    /// Starts an instance in the pool where the last one started, or the next one with room.
    pub fn start<I>(&self, start: impl Fn(Arc<P>) -> Result<I, Fault>) -> Result<I, Fault> {
        if let Some(gate) = &self.gate {
            gate.pass()?;
        }
        let pools = self.programs.len();
        let open = self.open.load(Ordering::Relaxed);
        for offset in 0..pools - 1 {
            let pool = (open + offset) % pools;
            match start(self.programs[pool].clone()) {
                Err(Fault { cause: Cause::NoSlot(_), .. }) => {}
                started => {
                    self.open.store(pool, Ordering::Relaxed);
                    return started;
                }
            }
        }
        let last = (open + pools - 1) % pools;
        start(self.programs[last].clone())
    }
}
