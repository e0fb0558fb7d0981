//! Rust code for an embedder of wasmtime that makes the engine of a sandbox config. It is read from
//! the engine itself, so that it cannot differ from what was measured.

use sandlab_runtime::config::{Interrupt, Strategy};
use sandlab_runtime::{LoadError, SandboxConfig, wasm};
use wasmtime::{
    Config, Enabled, Engine, Inlining, OptLevel, PoolingAllocationConfig, RegallocAlgorithm,
};

/// A value as Rust writes it.
trait Literal {
    fn literal(&self) -> String;
}

macro_rules! literals {
    ($($kind:ty = $show:expr;)+) => {
        $(impl Literal for $kind {
            fn literal(&self) -> String {
                let show: fn(&$kind) -> String = $show;
                show(self)
            }
        })+
    };
}
literals! {
    bool = bool::to_string;
    u32 = |number| grouped(u64::from(*number));
    u64 = |number| grouped(*number);
    usize = |number| grouped(*number as u64);
    OptLevel = |level| format!("wasmtime::OptLevel::{level:?}");
    RegallocAlgorithm = |algorithm| format!("wasmtime::RegallocAlgorithm::{algorithm:?}");
    Inlining = |inlining| format!("wasmtime::Inlining::{inlining:?}");
    Enabled = |enabled| format!("wasmtime::Enabled::{enabled:?}");
}

/// Defines the settings that are written, each by its setter and the expression that reads it. The
/// setters are called too, so that a line that does not compile keeps sandlab from compiling.
macro_rules! settings {
    ($lines:ident, $apply:ident, $of:ty => $name:ident: $kind:ty; $($setter:ident $get:expr;)+) => {
        /// Returns a line for each setting that differs from the default.
        fn $lines(it: &$of, default: &$of) -> Vec<String> {
            let mut lines = Vec::new();
            $(
                let literal = ($get)(it).literal();
                if literal != ($get)(default).literal() {
                    lines.push(format!("{}.{}({literal});", stringify!($name), stringify!($setter)));
                }
            )+
            lines
        }

        /// Applies the settings that the lines set.
        #[cfg_attr(not(test), expect(dead_code, reason = "compiled to check the lines"))]
        fn $apply(it: &$of, $name: &mut $kind) {
            $($name.$setter(($get)(it));)+
        }
    };
}
settings! {
    config_lines, apply_config, Engine => config: Config;
    cranelift_opt_level |it: &Engine| it.get_cranelift_opt_level().unwrap_or(OptLevel::Speed);
    cranelift_regalloc_algorithm |it: &Engine| {
        it.get_cranelift_regalloc_algorithm().unwrap_or(RegallocAlgorithm::Backtracking)
    };
    compiler_inlining Engine::get_compiler_inlining;
    parallel_compilation Engine::get_parallel_compilation;
    wasm_simd |it: &Engine| it.get_wasm_features().simd();
    wasm_relaxed_simd |it: &Engine| it.get_wasm_features().relaxed_simd();
    wasm_memory64 |it: &Engine| it.get_wasm_features().memory64();
    epoch_interruption Engine::get_epoch_interruption;
    consume_fuel Engine::get_consume_fuel;
    max_wasm_stack Engine::get_max_wasm_stack;
    async_stack_size Engine::get_async_stack_size;
    signals_based_traps Engine::get_signals_based_traps;
    memory_reservation Engine::get_memory_reservation;
    memory_reservation_for_growth Engine::get_memory_reservation_for_growth;
    memory_guard_size Engine::get_memory_guard_size;
    memory_init_cow Engine::get_memory_init_cow;
}
settings! {
    pool_lines, apply_pool, PoolingAllocationConfig => pool: PoolingAllocationConfig;
    total_component_instances PoolingAllocationConfig::get_total_component_instances;
    total_core_instances PoolingAllocationConfig::get_total_core_instances;
    total_memories PoolingAllocationConfig::get_total_memories;
    total_tables PoolingAllocationConfig::get_total_tables;
    total_stacks PoolingAllocationConfig::get_total_stacks;
    max_core_instances_per_component
        PoolingAllocationConfig::get_max_core_instances_per_component;
    max_memories_per_component PoolingAllocationConfig::get_max_memories_per_component;
    max_tables_per_component PoolingAllocationConfig::get_max_tables_per_component;
    max_memories_per_module PoolingAllocationConfig::get_max_memories_per_module;
    max_tables_per_module PoolingAllocationConfig::get_max_tables_per_module;
    max_memory_size PoolingAllocationConfig::get_max_memory_size;
    table_elements PoolingAllocationConfig::get_table_elements;
    linear_memory_keep_resident PoolingAllocationConfig::get_memory_keep_resident;
    table_keep_resident PoolingAllocationConfig::get_table_keep_resident;
    pagemap_scan PoolingAllocationConfig::get_pagemap_scan;
}

/// Returns the lines for a sandbox config: those that differ from wasmtime's defaults.
///
/// # Errors
/// If no engine can be made with it.
pub fn of(sandbox: &SandboxConfig) -> Result<String, LoadError> {
    let engine = engine(sandbox)?;
    let plain = Engine::default();
    let mut lines = vec![
        "let mut config = wasmtime::Config::new();".to_owned(),
        // The default of a build with component-model async.
        "config.concurrency_support(false);".to_owned(),
    ];
    lines.extend(config_lines(&engine, &plain));
    if let Some(pool) = wasm::pools(sandbox)?.first() {
        lines.push("let mut pool = wasmtime::PoolingAllocationConfig::new();".to_owned());
        lines.extend(pool_lines(pool, &PoolingAllocationConfig::new()));
        lines.push("config.allocation_strategy(pool);".to_owned());
    }
    let keeps_deadline: &[&str] = match sandbox.interrupt {
        Interrupt::Epoch => &[
            "// `store.set_epoch_deadline(…)` before each call, and",
            "// `engine.increment_epoch()` every 10 ms, keep its deadline.",
        ],
        Interrupt::Page => &[
            "// sandlab-runtime keeps its deadline by a page that it adds to the component,",
            "// for which wasmtime has no setting.",
        ],
        Interrupt::None => &[],
    };
    lines.extend(keeps_deadline.iter().map(|line| (*line).to_owned()));
    Ok(lines.join("\n"))
}

/// Returns an engine whose code is that of the config, without its pool.
fn engine(sandbox: &SandboxConfig) -> Result<Engine, LoadError> {
    let mut sandbox = sandbox.clone();
    sandbox.allocation.strategy = Strategy::OnDemand;
    let engine = Engine::new(&wasm::config(&sandbox)?);
    engine.map_err(|error| LoadError::Engine(format!("{error:#}")))
}

/// Returns a number as Rust groups it: `4_294_967_296`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('_');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiments::tune::settings::Setting;
    use std::hash::{DefaultHasher, Hash, Hasher};

    fn hash(engine: &Engine) -> u64 {
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        hasher.finish()
    }

    /// Engines with equal hashes compile the same code: wasmtime would load one's code in the
    /// other.
    #[test]
    fn an_engine_by_the_lines_is_the_one_that_was_measured() {
        for setting in Setting::all(0) {
            let sandbox = setting.on(&SandboxConfig::default());
            let measured = engine(&sandbox).unwrap();
            let mut config = Config::new();
            config.concurrency_support(false);
            apply_config(&measured, &mut config);
            let written = Engine::new(&config).unwrap();
            assert_eq!(hash(&written), hash(&measured), "{}", setting.name);
            for pool in wasm::pools(&sandbox).unwrap() {
                let mut written = PoolingAllocationConfig::new();
                apply_pool(&pool, &mut written);
                assert_eq!(format!("{written:?}"), format!("{pool:?}"), "{}", setting.name);
            }
        }
    }

    #[test]
    fn lines_are_rust() {
        let mut sandbox = SandboxConfig::default();
        sandbox.engine.opt_level = sandlab_runtime::config::OptLevel::None;
        let lines = of(&sandbox).unwrap();
        for line in [
            "config.cranelift_opt_level(wasmtime::OptLevel::None);",
            "config.epoch_interruption(true);",
            "pool.linear_memory_keep_resident(1_048_576);",
            "config.allocation_strategy(pool);",
        ] {
            assert!(lines.lines().any(|known| known == line), "{line}\n{lines}");
        }
        sandbox.allocation.strategy = Strategy::OnDemand;
        assert!(!of(&sandbox).unwrap().contains("pool"));
        assert_eq!(grouped(4_294_967_296), "4_294_967_296");
    }
}
