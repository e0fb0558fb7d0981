//! The number of agents that fit into this process, by the mappings that the kernel allows it.
//!
//! Without mappings left, not only does the next agent fail to start: any allocation of the
//! host can fail, and abort it. So a pool that could need too many is refused.

use super::code::{guard, reservation};
use super::engine::{TABLES_A_SLOT, packed_slot, stack_size};
use super::interrupt::in_force;
use crate::config::{Allocation, Calls, Interrupt, Layout, SandboxConfig, Strategy};
use crate::{Cause, LoadError};
use serde::{Deserialize, Serialize};
use std::fs;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use wasmtime::component::Component;

/// The share of the kernel's limit that agents may take. The rest is for the host's own heap,
/// threads and files. 30,000 agents of two mappings each fit into the default limit of 65,530.
const SHARE: f64 = 0.95;

/// The size of a table's element, bytes.
const TABLE_ELEMENT: u64 = 8;

/// Mappings per fiber stack: the stack and its guard.
const A_STACK: u32 = 2;

/// Mappings per interrupt page: the page and its guard.
const A_PAGE: u32 = 2;

/// The mappings of this process (`vm.max_map_count`, proc(5)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mappings {
    /// The mappings that the process has now.
    pub used: u64,
    /// The most that the kernel allows it.
    pub limit: u64,
}

impl Mappings {
    /// Asks the kernel. `None` where it does not tell.
    pub fn now() -> Option<Self> {
        let limit = fs::read_to_string("/proc/sys/vm/max_map_count").ok()?;
        let used = fs::read("/proc/self/maps").ok()?;
        Some(Self {
            used: used.iter().filter(|byte| **byte == b'\n').count() as u64,
            limit: limit.trim().parse().ok()?,
        })
    }

    /// Returns how many more agents may take.
    pub fn room(&self) -> u64 {
        let most = (self.limit as f64 * SHARE) as u64;
        most.saturating_sub(self.used)
    }

    /// Returns the smallest limit, for `sysctl`, with which agents may take so many more.
    pub fn limit_for(&self, more: u64) -> u64 {
        let needed = (self.used + more) as f64 / SHARE;
        (needed as u64 + 1).next_multiple_of(1_024)
    }
}

/// The parts of a pool that one instance of a component takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Needs {
    /// Linear memories.
    pub memories: u32,
    /// Tables.
    pub tables: u32,
}

impl Needs {
    /// Counts them, without the interrupt page that a component has if `has_page` is true.
    pub(super) fn of(component: &Component, has_page: bool) -> Self {
        // `None` only for a component that imports core modules, which no agent may.
        let resources = component.resources_required();
        let memories = resources.as_ref().map_or(1, |needs| needs.num_memories);
        Self {
            memories: memories.saturating_sub(u32::from(has_page)),
            tables: resources.as_ref().map_or(0, |needs| needs.num_tables),
        }
    }

    /// Returns how many slots of a pool an instance takes, at least one.
    pub fn slots(self) -> u32 {
        self.memories.max(self.tables.div_ceil(TABLES_A_SLOT)).max(1)
    }
}

impl Allocation {
    /// Returns how many mappings a memory takes at most: the part that is mapped copy-on-write
    /// from the component, those before and after it, and the reserve for its growth.
    pub fn mappings_a_memory(&self) -> u32 {
        match (self.strategy, self.layout) {
            (_, Layout::Fast) => 4,
            (_, Layout::Dense) | (Strategy::OnDemand, Layout::Packed) => 2,
            // All slots together are one mapping.
            (Strategy::Pooled, Layout::Packed) => 0,
        }
    }
}

impl SandboxConfig {
    /// Returns the address space that a slot of its pool takes, bytes: a memory and its guard,
    /// the interrupt page if it has one, tables, and a stack.
    pub fn address_space_a_slot(&self) -> u64 {
        let memory = match self.allocation.layout {
            Layout::Fast | Layout::Dense => reservation(self) + guard(self),
            Layout::Packed => packed_slot(self),
        };
        let tables = u64::from(TABLES_A_SLOT) * u64::from(self.table_limit) * TABLE_ELEMENT;
        let stack = match self.calls {
            Calls::Sync => 0,
            Calls::Auto | Calls::Async => stack_size(self),
        };
        let memories = if in_force(self) == Interrupt::Page { 2 } else { 1 };
        memories * memory + tables + stack
    }

    /// Returns how many mappings a slot of its pool takes at most, for a memory, an interrupt page
    /// if it has one, and a stack.
    pub fn mappings_a_slot(&self) -> u32 {
        let stack = match self.calls {
            Calls::Sync => 0,
            Calls::Auto | Calls::Async => A_STACK,
        };
        let page = if in_force(self) == Interrupt::Page { A_PAGE } else { 0 };
        self.allocation.mappings_a_memory() + page + stack
    }
}

/// Refuses a pool that could take more mappings than are left.
///
/// # Errors
/// [`LoadError::Engine`] with what to do.
pub fn require_room(config: &SandboxConfig) -> Result<(), LoadError> {
    let Some(mappings) = Mappings::now() else {
        return Ok(());
    };
    let slots = config.allocation.slots;
    let a_slot = config.mappings_a_slot();
    let needed = u64::from(slots) * u64::from(a_slot);
    if config.allocation.strategy == Strategy::OnDemand || needed <= mappings.room() {
        return Ok(());
    }
    let sync = match config.calls {
        Calls::Sync => "",
        Calls::Auto | Calls::Async => ", set `calls = \"sync\"` for agents that cannot block",
    };
    Err(LoadError::Engine(format!(
        "{slots} slots can take {a_slot} mappings each, but of the {} that the kernel allows \
         {} are in use, and the host could abort without any left; allow more with `sysctl -w \
         vm.max_map_count={}`, use the layout `packed`{sync}",
        mappings.limit,
        mappings.used,
        mappings.limit_for(needed),
    )))
}

/// Lets instances start that take their mappings when they start, as long as there is room.
///
/// Counting takes the kernel up to 30 ms when there are many mappings, so that it is asked
/// only after half of the starts that there was room for.
#[derive(Debug)]
pub struct Gate {
    a_start: u64,
    allowed: AtomicU64,
}

impl Gate {
    /// Creates a gate for instances with so many memories, and with an interrupt page if `has_page`
    /// is true. `None` if they take them from a pool.
    pub fn new(config: &SandboxConfig, memories: u32, has_page: bool) -> Option<Self> {
        let a_memory = config.allocation.mappings_a_memory();
        let page = if has_page { A_PAGE } else { 0 };
        (config.allocation.strategy == Strategy::OnDemand).then(|| Self {
            a_start: u64::from(a_memory * memories + page + A_STACK).max(1),
            allowed: AtomicU64::new(0),
        })
    }

    /// Lets one instance start.
    ///
    /// # Errors
    /// [`Cause::NoSlot`] if there is no room.
    pub fn pass(&self) -> Result<(), Cause> {
        let take = |allowed: u64| allowed.checked_sub(1);
        if self.allowed.fetch_update(Relaxed, Relaxed, take).is_ok() {
            return Ok(());
        }
        let Some(mappings) = Mappings::now() else {
            return Ok(());
        };
        let starts = mappings.room() / self.a_start;
        if starts == 0 {
            return Err(Cause::NoSlot(format!(
                "{} of the {} mappings that the kernel allows are in use; end some agents, \
                 allow more with `sysctl -w vm.max_map_count={}`, or use a pool with the layout \
                 `packed`",
                mappings.used,
                mappings.limit,
                mappings.limit_for(mappings.limit),
            )));
        }
        self.allowed.store(starts / 2, Relaxed);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_beyond_the_kernels_mappings_is_refused_with_the_limit_that_it_needs() {
        let mut config = SandboxConfig::default();
        config.allocation.slots = 10_000_000;
        let error = require_room(&config).unwrap_err().to_string();
        assert!(error.contains("vm.max_map_count=6"), "{error}");
        config.allocation.layout = Layout::Packed;
        config.calls = Calls::Sync;
        assert!(require_room(&config).is_ok());
    }

    #[test]
    fn the_limit_that_is_asked_for_is_enough() {
        let mappings = Mappings { used: 100, limit: 65_530 };
        for more in [1, 62_153, 62_154, 1_000_000] {
            let limit = mappings.limit_for(more);
            assert!(Mappings { limit, ..mappings }.room() >= more);
        }
    }
}
