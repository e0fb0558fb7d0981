//! A profile's wasmtime engine: every setting that sandlab does not leave at its default, and why.

use crate::LoadError;
use crate::profile::{Layout, Profile, Strategy};
use std::thread;
use std::time::Duration;
use wasmtime::{Config, Enabled, EngineWeak, InstanceAllocationStrategy, PoolingAllocationConfig};

/// How often the epoch advances, hence how exact a deadline is. At 10 ms the
/// ticker takes no measurable share of a core.
pub const EPOCH_TICK: Duration = Duration::from_millis(10);

/// WebAssembly's page.
const PAGE: u64 = 65_536;

/// Sync calls run on the caller's stack, of which a Rust thread has 2 MiB.
const MAX_SYNC_STACK: u64 = 1 << 20;

/// What a host function may need of a fiber's stack, over the guest's share.
const HOST_STACK: u64 = 1 << 20;

/// The settings that every engine of this profile has. Public, so that a
/// reference measurement can use the very same ones.
///
/// # Errors
/// If the profile asks for what wasmtime or this machine cannot do.
pub fn config(profile: &Profile) -> Result<Config, LoadError> {
    let stack = profile.stack.as_u64();
    if stack > MAX_SYNC_STACK {
        let limit = "`stack` can be at most 1 MiB: sync calls run on a thread of 2 MiB";
        return Err(LoadError::Profile(limit.to_owned()));
    }
    let mut config = Config::new();
    // Component-model async makes a sync call 3.5 times dearer, and no agent uses it.
    config.concurrency_support(false);
    // Nobody builds such guests yet, and a 64-bit table's growth can fail without the
    // limiter having been asked, which could then not tell what to take back.
    config.wasm_memory64(false);
    config.epoch_interruption(true);
    config.consume_fuel(profile.fuel.is_some());
    config.max_wasm_stack(to_usize(stack)?);
    config.async_stack_size(to_usize(stack + HOST_STACK)?);
    layout(&mut config, profile)?;
    if profile.allocation.strategy == Strategy::Pooled {
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(profile)?));
    }
    Ok(config)
}

fn layout(config: &mut Config, profile: &Profile) -> Result<(), LoadError> {
    match profile.allocation.layout {
        Layout::Fast => {}
        Layout::Dense => {
            config.memory_init_cow(false);
        }
        Layout::Packed => {
            let limit = profile.memory_limit.as_u64().next_multiple_of(PAGE);
            config.memory_init_cow(false);
            config.memory_reservation(limit);
            config.memory_reservation_for_growth(0);
            config.memory_guard_size(0);
        }
    }
    Ok(())
}

fn pool(profile: &Profile) -> Result<PoolingAllocationConfig, LoadError> {
    let slots = profile.allocation.slots;
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(slots);
    pool.total_memories(slots);
    pool.total_stacks(slots);
    // A Rust component has 4 core instances and 2 tables: its module, and the shims around it.
    pool.total_core_instances(slots.saturating_mul(8));
    pool.total_tables(slots.saturating_mul(4));
    pool.max_core_instances_per_component(profile.instance_limit);
    pool.max_memories_per_component(profile.instance_limit);
    pool.max_tables_per_component(profile.instance_limit);
    // Wasmtime's own is one of each a module, which a module with two memories is refused by.
    pool.max_memories_per_module(profile.instance_limit);
    pool.max_tables_per_module(profile.instance_limit);
    pool.table_elements(to_usize(profile.table_limit.into())?);
    // The limiter decides, so that a refusal has the agent's numbers in it; the pool only
    // has to have room.
    let room = match profile.allocation.layout {
        Layout::Fast | Layout::Dense => 1 << 32,
        Layout::Packed => profile.memory_limit.as_u64().next_multiple_of(PAGE),
    };
    pool.max_memory_size(to_usize(room)?);
    let keep_resident = to_usize(profile.allocation.keep_resident.as_u64())?;
    pool.linear_memory_keep_resident(keep_resident);
    pool.table_keep_resident(keep_resident);
    // Resetting a slot costs what was touched, not what is kept: 8.4 against 21 µs a spawn.
    pool.pagemap_scan(Enabled::Auto);
    Ok(pool)
}

fn to_usize(value: u64) -> Result<usize, LoadError> {
    usize::try_from(value).map_err(|_| LoadError::Profile(format!("{value} bytes are too many")))
}

/// An engine, whose epoch advances for as long as it lives.
///
/// # Errors
/// If the machine does not give the pool its address space, or the ticker its thread.
pub fn engine(profile: &Profile) -> Result<wasmtime::Engine, LoadError> {
    let engine = wasmtime::Engine::new(&config(profile)?)
        .map_err(|error| LoadError::Engine(format!("{error:#}")))?;
    let weak = engine.weak();
    thread::Builder::new()
        .name("epoch".to_owned())
        .spawn(move || tick(&weak))
        .map_err(|error| LoadError::Engine(format!("cannot start the epoch's thread: {error}")))?;
    Ok(engine)
}

fn tick(engine: &EngineWeak) {
    while let Some(engine) = engine.upgrade() {
        engine.increment_epoch();
        drop(engine);
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
