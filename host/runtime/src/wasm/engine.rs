//! The wasmtime engines of a sandbox config: each setting that differs from wasmtime's default,
//! and why.

use super::sampler::Sampler;
use super::{capacity, code, interrupt};
use crate::config::{Allocation, Calls, Interrupt, Layout, SandboxConfig, Strategy};
use crate::{LoadError, why_not_started};
use rustix::io::Errno;
use std::error::Error as _;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;
use wasm_encoder::{MemorySection, MemoryType};
use wasmtime::{
    Config, Enabled, Engine, EngineWeak, Instance, InstanceAllocationStrategy, Module,
    PoolingAllocationConfig, Store,
};

/// The interval at which the epoch advances, and so the precision of a deadline. At 10 ms the
/// ticker takes no measurable share of a core.
pub const EPOCH_TICK: Duration = Duration::from_millis(10);

/// The size of WebAssembly's page, bytes.
const PAGE: u64 = 65_536;

/// The largest stack, bytes: sync calls run on the caller's stack, and that of a Rust thread
/// has 2 MiB.
const MAX_SYNC_STACK: u64 = 1 << 20;

/// The most slots of a pool where each takes 4 GiB and a guard of the address space: 39 TiB.
/// A program lies at 85 TiB of 128. Three such pools find room around it, two below and one
/// above, but a single pool of 22,000 slots does not.
pub const SLOTS_A_POOL: u32 = 10_000;

/// Tables per slot. A component from Rust has 2.
pub const TABLES_A_SLOT: u32 = 4;

/// The part of a fiber's stack that is for host functions, bytes.
const HOST_STACK: u64 = 1 << 20;

/// Returns the settings of a sandbox config's engines. Public, so that a reference measurement
/// can use the same ones.
///
/// # Errors
/// If wasmtime or this machine cannot do what the sandbox config asks.
pub fn config(sandbox: &SandboxConfig) -> Result<Config, LoadError> {
    config_of(sandbox, interrupt::in_force(sandbox), sandbox.allocation.slots)
}

fn config_of(
    sandbox: &SandboxConfig,
    interrupt: Interrupt,
    slots: u32,
) -> Result<Config, LoadError> {
    let stack = sandbox.stack.as_u64();
    if stack > MAX_SYNC_STACK {
        let limit = "`stack` can be at most 1 MiB: sync calls run on a thread of 2 MiB";
        return Err(LoadError::Config(limit.to_owned()));
    }
    let mut config = Config::new();
    // Component-model async makes a sync call take about twice as long, and no agent uses it.
    config.concurrency_support(sandbox.engine.async_components);
    config.wasm_component_model_async(sandbox.engine.async_components);
    // No toolchain builds such agents yet. Also, a 64-bit table's growth can fail without the
    // limiter having been asked, which would then subtract a growth that it never added.
    config.wasm_memory64(false);
    // After a trap tells the value of the stack pointer, without which a stack overflow looks
    // like any access out of bounds. A call that succeeds only copies the flag.
    config.coredump_on_trap(true);
    config.epoch_interruption(interrupt == Interrupt::Epoch);
    config.consume_fuel(sandbox.fuel.is_some());
    config.max_wasm_stack(to_usize(stack)?);
    config.async_stack_size(to_usize(stack_size(sandbox))?);
    layout(&mut config, sandbox)?;
    code::apply(&mut config, sandbox)?;
    if sandbox.allocation.strategy == Strategy::Pooled {
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(
            sandbox, interrupt, slots,
        )?));
    }
    Ok(config)
}

/// Returns the size of a fiber's stack, bytes.
pub fn stack_size(sandbox: &SandboxConfig) -> u64 {
    sandbox.stack.as_u64() + HOST_STACK
}

fn layout(config: &mut Config, sandbox: &SandboxConfig) -> Result<(), LoadError> {
    match sandbox.allocation.layout {
        Layout::Fast => require_memfd()?,
        Layout::Dense => {
            config.memory_init_cow(false);
        }
        Layout::Packed => {
            config.memory_init_cow(false);
            config.memory_reservation(packed_slot(sandbox));
            config.memory_reservation_for_growth(0);
            config.memory_guard_size(0);
            // The guest's own code checks every access. So a slot may stay accessible beyond
            // its memory's length, and all slots of a pool are one mapping. Time vs checks
            // that trap by signal: sort 0.91, hash 0.95, json 0.96, but matrix 1.6.
            config.signals_based_traps(false);
        }
    }
    Ok(())
}

/// Makes sure that memories can be copied on write, from a file in memory. A container may refuse
/// that (seccomp), and the first instance would then end with the bare `Operation not permitted`.
fn require_memfd() -> Result<(), LoadError> {
    match rustix::fs::memfd_create("sandlab", rustix::fs::MemfdFlags::CLOEXEC) {
        Err(error @ (Errno::PERM | Errno::ACCESS | Errno::NOSYS)) => {
            Err(LoadError::NoMemfd(error.to_string()))
        }
        _ => Ok(()),
    }
}

/// Returns the address space of a memory in the layout `packed`, bytes.
pub fn packed_slot(sandbox: &SandboxConfig) -> u64 {
    sandbox.memory_limit.as_u64().next_multiple_of(PAGE)
}

fn pool(
    sandbox: &SandboxConfig,
    interrupt: Interrupt,
    slots: u32,
) -> Result<PoolingAllocationConfig, LoadError> {
    let mut pool = PoolingAllocationConfig::new();
    // The interrupt page and its instances are not the agent's.
    let pages = u32::from(interrupt == Interrupt::Page);
    let instances = sandbox.instance_limit.saturating_add(pages * interrupt::INSTANCES);
    let memories = sandbox.instance_limit.saturating_add(pages);
    pool.total_component_instances(slots);
    pool.total_memories(slots.saturating_mul(1 + pages));
    // Each fiber's stack takes two mappings as soon as the pool is created, used or not.
    pool.total_stacks(match sandbox.calls {
        Calls::Sync => 0,
        Calls::Auto | Calls::Async => slots,
    });
    // Core instances are only counted, so that the limit for each component is enough.
    pool.total_core_instances(slots.saturating_mul(instances));
    pool.total_tables(slots.saturating_mul(TABLES_A_SLOT));
    pool.max_core_instances_per_component(instances);
    pool.max_memories_per_component(memories);
    pool.max_tables_per_component(sandbox.instance_limit);
    // Wasmtime's default is one of each per module, which refuses a module with two memories.
    pool.max_memories_per_module(sandbox.instance_limit);
    pool.max_tables_per_module(sandbox.instance_limit);
    pool.table_elements(to_usize(sandbox.table_limit.into())?);
    // The limiter decides, so that a refusal can tell the agent's numbers. The pool only has
    // to have room.
    let room = match sandbox.allocation.layout {
        Layout::Fast | Layout::Dense => code::reservation(sandbox),
        Layout::Packed => packed_slot(sandbox),
    };
    pool.max_memory_size(to_usize(room)?);
    // With a page-map scan, resetting a slot costs what was touched instead of what is kept:
    // 8.4 vs 21 µs per spawn. Before Linux 6.7 there is none, and zeroing costs more than it
    // saves.
    let scan = sandbox.engine.page_map_scan;
    pool.pagemap_scan(if scan { Enabled::Auto } else { Enabled::No });
    if !scan || PoolingAllocationConfig::is_pagemap_scan_available() {
        let keep_resident = to_usize(sandbox.allocation.keep_resident.as_u64())?;
        pool.linear_memory_keep_resident(keep_resident);
        pool.table_keep_resident(keep_resident);
    }
    Ok(pool)
}

fn to_usize(value: u64) -> Result<usize, LoadError> {
    usize::try_from(value).map_err(|_| LoadError::Config(format!("{value} bytes are too many")))
}

/// Creates the engines of a sandbox config for one kind of interruption, each with a part of its
/// slots. Epochs advance as long as any of them lives: with a sampler, at its interval.
///
/// # Errors
/// If the machine has no address space for the pools, or no thread that interrupts.
pub fn engines(
    sandbox: &SandboxConfig,
    interrupt: Interrupt,
    sampler: Option<&Sampler>,
) -> Result<Vec<Engine>, LoadError> {
    capacity::require_room(sandbox)?;
    let engines = slots_of_pools(sandbox).into_iter().map(|slots| {
        let mut config = config_of(sandbox, interrupt, slots)?;
        if let Some(sampler) = sampler {
            sampler.configure(&mut config);
        }
        let engine = Engine::new(&config).map_err(refused)?;
        if sandbox.allocation.layout == Layout::Packed && slots > 0 {
            require_compile_threads()?;
            open_slots(&engine, slots, packed_slot(sandbox)).map_err(refused)?;
        }
        Ok(engine)
    });
    let engines = engines.collect::<Result<Vec<_>, _>>()?;
    match interrupt {
        Interrupt::Epoch => {
            let interval = sampler.map_or(EPOCH_TICK, Sampler::interval);
            let weak: Vec<_> = engines.iter().map(Engine::weak).collect();
            thread::Builder::new()
                .name("epoch".to_owned())
                .spawn(move || tick(&weak, interval))
                .map_err(|error| LoadError::Threads(why_not_started(&error)))?;
        }
        Interrupt::Page => interrupt::start()?,
        Interrupt::None => {}
    }
    Ok(engines)
}

/// Starts the threads that wasmtime compiles on. Where the kernel allows no more, wasmtime's own
/// attempt would panic.
///
/// # Errors
/// [`LoadError::Threads`] if they do not start.
pub fn require_compile_threads() -> Result<(), LoadError> {
    static STARTED: OnceLock<Result<(), String>> = OnceLock::new();
    let start = || match rayon::ThreadPoolBuilder::new().build_global() {
        // Without a source, the program has started them already.
        Err(error) => match error.source().map(|source| source.downcast_ref()) {
            None => Ok(()),
            Some(source) => Err(source.map_or_else(|| error.to_string(), why_not_started)),
        },
        Ok(()) => Ok(()),
    };
    STARTED.get_or_init(start).clone().map_err(LoadError::Threads)
}

fn refused(error: wasmtime::Error) -> LoadError {
    LoadError::Engine(format!("{error:#}"))
}

/// Returns wasmtime's settings of each pool of a sandbox config. Empty if memories are
/// allocated on demand.
///
/// # Errors
/// As [`config`].
pub fn pools(sandbox: &SandboxConfig) -> Result<Vec<PoolingAllocationConfig>, LoadError> {
    if sandbox.allocation.strategy == Strategy::OnDemand {
        return Ok(Vec::new());
    }
    let slots = slots_of_pools(sandbox).into_iter();
    let interrupt = interrupt::in_force(sandbox);
    slots.map(|slots| pool(sandbox, interrupt, slots)).collect()
}

/// Spreads the slots of a sandbox config over pools.
fn slots_of_pools(sandbox: &SandboxConfig) -> Vec<u32> {
    let Allocation { strategy, layout, slots, .. } = sandbox.allocation;
    if strategy == Strategy::OnDemand {
        return vec![0];
    }
    if layout == Layout::Packed || slots <= SLOTS_A_POOL {
        return vec![slots];
    }
    let whole = (slots / SLOTS_A_POOL) as usize;
    let rest = slots % SLOTS_A_POOL;
    let mut pools = vec![SLOTS_A_POOL; whole];
    pools.extend((rest > 0).then_some(rest));
    pools
}

/// Makes all slots of a pool accessible to their end, by a memory of the largest size in each.
/// A slot stays accessible, and neighbours that are accessible share a mapping, whereas a slot
/// that is made accessible as its memory grows takes two of its own. Takes 6 µs per slot.
fn open_slots(engine: &Engine, slots: u32, size: u64) -> wasmtime::Result<()> {
    // A store has at most 10,000 instances.
    const A_STORE: u32 = 1_000;
    let mut memories = MemorySection::new();
    memories.memory(MemoryType {
        minimum: size / PAGE,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    let mut module = wasm_encoder::Module::new();
    module.section(&memories);
    let module = Module::new(engine, module.finish())?;
    let mut stores = Vec::new();
    for first in (0..slots).step_by(A_STORE as usize) {
        let mut store = Store::new(engine, ());
        for _ in first..slots.min(first + A_STORE) {
            Instance::new(&mut store, &module, &[])?;
        }
        stores.push(store);
    }
    Ok(())
}

fn tick(engines: &[EngineWeak], interval: Duration) {
    loop {
        let alive = engines.iter().filter_map(EngineWeak::upgrade);
        let ticked = alive.map(|engine| engine.increment_epoch()).count();
        if ticked == 0 {
            return;
        }
        thread::sleep(interval);
    }
}

/// Returns the ticks after which a call is over its deadline: one more than fit in it, because
/// the first may come at once.
pub fn deadline_ticks(deadline: Duration, tick: Duration) -> u64 {
    let ticks = deadline.as_nanos().div_ceil(tick.as_nanos().max(1));
    u64::try_from(ticks).unwrap_or(u64::MAX / 2).min(u64::MAX / 2) + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_never_cut_short() {
        assert_eq!(deadline_ticks(Duration::from_millis(10), EPOCH_TICK), 2);
        assert_eq!(deadline_ticks(Duration::from_millis(11), EPOCH_TICK), 3);
        assert_eq!(deadline_ticks(Duration::ZERO, EPOCH_TICK), 1);
        assert!(deadline_ticks(Duration::MAX, EPOCH_TICK) > 1 << 60);
    }
}
