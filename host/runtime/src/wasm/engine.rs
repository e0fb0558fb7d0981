//! A sandbox config's wasmtime engine: every setting that sandlab does not leave at its default, and why.

use super::capacity;
use crate::LoadError;
use crate::config::{Allocation, Calls, Layout, SandboxConfig, Strategy};
use std::thread;
use std::time::Duration;
use wasm_encoder::{MemorySection, MemoryType};
use wasmtime::{
    Config, Enabled, Engine, EngineWeak, Instance, InstanceAllocationStrategy, Module,
    PoolingAllocationConfig, Store,
};

/// How often the epoch advances, hence how exact a deadline is. At 10 ms the
/// ticker takes no measurable share of a core.
pub const EPOCH_TICK: Duration = Duration::from_millis(10);

/// WebAssembly's page.
const PAGE: u64 = 65_536;

/// Sync calls run on the caller's stack, of which a Rust thread has 2 MiB.
const MAX_SYNC_STACK: u64 = 1 << 20;

/// Slots that a pool has at most, where each takes 4 GiB and a guard of the address space:
/// 39 TiB. A program lies at 85 TiB of 128, so that three such pools find room around it,
/// two below and one above, where one of 22,000 finds none.
pub const SLOTS_A_POOL: u32 = 10_000;

/// Tables that a slot has room for. A component from Rust has 2.
pub const TABLES_A_SLOT: u32 = 4;

/// What a host function may need of a fiber's stack, over the guest's share.
const HOST_STACK: u64 = 1 << 20;

/// The settings that every engine of this sandbox has. Public, so that a
/// reference measurement can use the very same ones.
///
/// # Errors
/// If the sandbox config asks for what wasmtime or this machine cannot do.
pub fn config(sandbox: &SandboxConfig) -> Result<Config, LoadError> {
    config_of(sandbox, sandbox.allocation.slots)
}

fn config_of(sandbox: &SandboxConfig, slots: u32) -> Result<Config, LoadError> {
    let stack = sandbox.stack.as_u64();
    if stack > MAX_SYNC_STACK {
        let limit = "`stack` can be at most 1 MiB: sync calls run on a thread of 2 MiB";
        return Err(LoadError::Config(limit.to_owned()));
    }
    let mut config = Config::new();
    // Component-model async makes a sync call 3.5 times dearer, and no agent uses it.
    config.concurrency_support(false);
    // Nobody builds such guests yet, and a 64-bit table's growth can fail without the
    // limiter having been asked, which could then not tell what to take back.
    config.wasm_memory64(false);
    config.epoch_interruption(true);
    config.consume_fuel(sandbox.fuel.is_some());
    config.max_wasm_stack(to_usize(stack)?);
    config.async_stack_size(to_usize(stack_size(sandbox))?);
    layout(&mut config, sandbox)?;
    if sandbox.allocation.strategy == Strategy::Pooled {
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(sandbox, slots)?));
    }
    Ok(config)
}

/// A fiber's stack, bytes.
pub fn stack_size(sandbox: &SandboxConfig) -> u64 {
    sandbox.stack.as_u64() + HOST_STACK
}

fn layout(config: &mut Config, sandbox: &SandboxConfig) -> Result<(), LoadError> {
    match sandbox.allocation.layout {
        Layout::Fast => {}
        Layout::Dense => {
            config.memory_init_cow(false);
        }
        Layout::Packed => {
            config.memory_init_cow(false);
            config.memory_reservation(packed_slot(sandbox));
            config.memory_reservation_for_growth(0);
            config.memory_guard_size(0);
            // Every access is checked by the guest's own code. Then a slot may stay open
            // beyond its memory's length, so that all slots of a pool are one mapping.
            // Against checks that may still trap by signal: sort 0.91, hash 0.95, json
            // 0.96, but matrix 1.6 times as long.
            config.signals_based_traps(false);
        }
    }
    Ok(())
}

/// What a memory has of the address space in the layout `packed`, bytes.
pub fn packed_slot(sandbox: &SandboxConfig) -> u64 {
    sandbox.memory_limit.as_u64().next_multiple_of(PAGE)
}

fn pool(sandbox: &SandboxConfig, slots: u32) -> Result<PoolingAllocationConfig, LoadError> {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(slots);
    pool.total_memories(slots);
    // Each fiber's stack takes two mappings as soon as the pool is made, used or not.
    pool.total_stacks(match sandbox.calls {
        Calls::Sync => 0,
        Calls::Auto | Calls::Async => slots,
    });
    // They are only counted, so that a limit for each component is enough.
    pool.total_core_instances(slots.saturating_mul(sandbox.instance_limit));
    pool.total_tables(slots.saturating_mul(TABLES_A_SLOT));
    pool.max_core_instances_per_component(sandbox.instance_limit);
    pool.max_memories_per_component(sandbox.instance_limit);
    pool.max_tables_per_component(sandbox.instance_limit);
    // Wasmtime's own is one of each a module, which a module with two memories is refused by.
    pool.max_memories_per_module(sandbox.instance_limit);
    pool.max_tables_per_module(sandbox.instance_limit);
    pool.table_elements(to_usize(sandbox.table_limit.into())?);
    // The limiter decides, so that a refusal has the agent's numbers in it; the pool only
    // has to have room.
    let room = match sandbox.allocation.layout {
        Layout::Fast | Layout::Dense => 1 << 32,
        Layout::Packed => packed_slot(sandbox),
    };
    pool.max_memory_size(to_usize(room)?);
    // Resetting a slot costs what was touched, not what is kept: 8.4 against 21 µs a spawn.
    // Before Linux 6.7 there is no page-map scan, and zeroing costs more than it saves.
    pool.pagemap_scan(Enabled::Auto);
    if PoolingAllocationConfig::is_pagemap_scan_available() {
        let keep_resident = to_usize(sandbox.allocation.keep_resident.as_u64())?;
        pool.linear_memory_keep_resident(keep_resident);
        pool.table_keep_resident(keep_resident);
    }
    Ok(pool)
}

fn to_usize(value: u64) -> Result<usize, LoadError> {
    usize::try_from(value).map_err(|_| LoadError::Config(format!("{value} bytes are too many")))
}

/// The engines of a sandbox config, each with a part of its slots, whose epochs advance for as
/// long as any of them lives.
///
/// # Errors
/// If the machine does not give the pools their address space, or the ticker its thread.
pub fn engines(sandbox: &SandboxConfig) -> Result<Vec<Engine>, LoadError> {
    capacity::require_room(sandbox)?;
    let engines = slots_of_pools(sandbox).into_iter().map(|slots| {
        let engine = Engine::new(&config_of(sandbox, slots)?).map_err(refused)?;
        if sandbox.allocation.layout == Layout::Packed && slots > 0 {
            open_slots(&engine, slots, packed_slot(sandbox)).map_err(refused)?;
        }
        Ok(engine)
    });
    let engines = engines.collect::<Result<Vec<_>, _>>()?;
    let weak: Vec<_> = engines.iter().map(Engine::weak).collect();
    thread::Builder::new()
        .name("epoch".to_owned())
        .spawn(move || tick(&weak))
        .map_err(|error| LoadError::Engine(format!("cannot start the epoch's thread: {error}")))?;
    Ok(engines)
}

fn refused(error: wasmtime::Error) -> LoadError {
    LoadError::Engine(format!("{error:#}"))
}

/// The settings of each pool of a sandbox config, as wasmtime is told them; none on demand.
///
/// # Errors
/// As [`config`].
pub fn pools(sandbox: &SandboxConfig) -> Result<Vec<PoolingAllocationConfig>, LoadError> {
    if sandbox.allocation.strategy == Strategy::OnDemand {
        return Ok(Vec::new());
    }
    let slots = slots_of_pools(sandbox).into_iter();
    slots.map(|slots| pool(sandbox, slots)).collect()
}

/// How the slots of a sandbox config are spread over pools.
fn slots_of_pools(sandbox: &SandboxConfig) -> Vec<u32> {
    let Allocation {
        strategy,
        layout,
        slots,
        ..
    } = sandbox.allocation;
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

/// Makes all slots of a pool accessible to their end, by a memory in each that is as large
/// as it can be. An open slot stays open, and neighbours that are both open are one mapping
/// of the kernel's; one that is opened as its memory grows has two for itself. Takes 6 µs
/// a slot.
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

fn tick(engines: &[EngineWeak]) {
    loop {
        let alive = engines.iter().filter_map(EngineWeak::upgrade);
        let ticked = alive.map(|engine| engine.increment_epoch()).count();
        if ticked == 0 {
            return;
        }
        thread::sleep(EPOCH_TICK);
    }
}

/// The ticks after which a call is over its deadline: one more than fit in it, because
/// the first may come at once.
pub fn deadline_ticks(deadline: Duration) -> u64 {
    let ticks = deadline.as_nanos().div_ceil(EPOCH_TICK.as_nanos());
    u64::try_from(ticks)
        .unwrap_or(u64::MAX / 2)
        .min(u64::MAX / 2)
        + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_never_cut_short() {
        assert_eq!(deadline_ticks(Duration::from_millis(10)), 2);
        assert_eq!(deadline_ticks(Duration::from_millis(11)), 3);
        assert_eq!(deadline_ticks(Duration::ZERO), 1);
        assert!(deadline_ticks(Duration::MAX) > 1 << 60);
    }
}
