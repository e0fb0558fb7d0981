//! The table `[engine]` of a sandbox config, as wasmtime's settings.

use crate::LoadError;
use crate::config::{EngineSettings, Layout, OptLevel, RegisterAllocator, SandboxConfig, Strategy};
use wasmtime::{Config, Inlining, RegallocAlgorithm};

/// The address space that wasmtime reserves for a memory, bytes, so that a 32-bit address
/// cannot lie beyond it.
pub const MEMORY: u64 = 4 << 30;

/// The guard after each memory, bytes, for the offset that an instruction adds to an address.
pub const GUARD: u64 = 32 << 20;

/// The most address space that a memory or its guard may take, bytes: 1 TiB. Sums of a few stay
/// far below what a process has.
const MOST: u64 = 1 << 40;

/// Takes the settings of a sandbox config.
///
/// # Errors
/// If its layout decides one of them, or a pool's memories could not reach their limit.
pub fn apply(config: &mut Config, sandbox: &SandboxConfig) -> Result<(), LoadError> {
    let settings = &sandbox.engine;
    require_free(settings, sandbox.allocation.layout)?;
    require_room(sandbox)?;
    config.cranelift_opt_level(match settings.opt_level {
        OptLevel::None => wasmtime::OptLevel::None,
        OptLevel::Speed => wasmtime::OptLevel::Speed,
        OptLevel::SpeedAndSize => wasmtime::OptLevel::SpeedAndSize,
    });
    config.cranelift_regalloc_algorithm(match settings.register_allocator {
        RegisterAllocator::Backtracking => RegallocAlgorithm::Backtracking,
        RegisterAllocator::SinglePass => RegallocAlgorithm::SinglePass,
    });
    if settings.inlining {
        config.compiler_inlining(Inlining::Yes);
    }
    if !settings.simd {
        config.wasm_simd(false);
        // Wasmtime refuses the one without the other.
        config.wasm_relaxed_simd(false);
    }
    config.parallel_compilation(settings.parallel_compilation);
    settings.signals_based_traps.map(|catch| config.signals_based_traps(catch));
    if settings.memory_reservation.is_some() {
        config.memory_reservation(reservation(sandbox));
    }
    settings.memory_guard.map(|guard| config.memory_guard_size(guard.as_u64()));
    Ok(())
}

/// Returns the address space of a memory in the layouts `fast` and `dense`, bytes.
pub fn reservation(sandbox: &SandboxConfig) -> u64 {
    const PAGE: u64 = 65_536;
    let asked = sandbox.engine.memory_reservation;
    asked.map_or(MEMORY, |bytes| bytes.as_u64().min(MOST).next_multiple_of(PAGE))
}

/// Returns the guard of a memory in the layouts `fast` and `dense`, bytes.
pub fn guard(sandbox: &SandboxConfig) -> u64 {
    sandbox.engine.memory_guard.map_or(GUARD, |bytes| bytes.as_u64())
}

/// In the layout `packed`, slots are one mapping only because all of these are as they are.
fn require_free(settings: &EngineSettings, layout: Layout) -> Result<(), LoadError> {
    let given = [
        ("signals-based-traps", settings.signals_based_traps.is_some()),
        ("memory-reservation", settings.memory_reservation.is_some()),
        ("memory-guard", settings.memory_guard.is_some()),
    ];
    match given.into_iter().find(|(_, is_given)| *is_given) {
        Some((name, _)) if layout == Layout::Packed => Err(LoadError::Config(format!(
            "the layout `packed` decides `engine.{name}`: leave it out, or use the layout `fast` or \
             `dense`"
        ))),
        _ => Ok(()),
    }
}

fn require_room(sandbox: &SandboxConfig) -> Result<(), LoadError> {
    let settings = &sandbox.engine;
    let asked = [settings.memory_reservation, settings.memory_guard].into_iter().flatten();
    if asked.into_iter().any(|bytes| bytes.as_u64() > MOST) {
        let limit = "`engine.memory-reservation` and `engine.memory-guard` can be at most 1 TiB";
        return Err(LoadError::Config(limit.to_owned()));
    }
    let is_pooled = sandbox.allocation.strategy == Strategy::Pooled;
    let is_free = sandbox.allocation.layout != Layout::Packed;
    if is_pooled && is_free && reservation(sandbox) < sandbox.memory_limit.as_u64().min(MEMORY) {
        return Err(LoadError::Config(format!(
            "a memory of a pool cannot grow beyond `engine.memory-reservation`, which is less than \
             `memory-limit`: reserve at least {}, or allocate on demand",
            sandbox.memory_limit
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytesize::ByteSize;

    fn refused(toml: &str) -> String {
        let sandbox: SandboxConfig = toml::from_str(toml).unwrap();
        apply(&mut Config::new(), &sandbox)
            .map_or_else(|error| error.to_string(), |()| String::new())
    }

    #[test]
    fn what_cannot_be_had_together_is_said() {
        let packed = "[allocation]\nlayout = \"packed\"\n[engine]\n";
        for setting in
            ["signals-based-traps = true", "memory-reservation = \"4 GiB\"", "memory-guard = 0"]
        {
            let error = refused(&format!("{packed}{setting}"));
            assert!(error.contains("the layout `packed` decides"), "{setting}: {error}");
            assert_eq!(refused(&format!("[engine]\n{setting}")), "", "{setting}");
        }
        let error = refused("[engine]\nmemory-reservation = \"1 MiB\"");
        assert!(error.contains("memory-limit"), "{error}");
        let on_demand = "[allocation]\nstrategy = \"on-demand\"\n";
        assert_eq!(refused(&format!("{on_demand}[engine]\nmemory-reservation = 0")), "");
        let error = refused("[engine]\nmemory-guard = \"16 EiB\"");
        assert!(error.contains("at most 1 TiB"), "{error}");
    }

    #[test]
    fn a_reservation_is_whole_pages() {
        let mut sandbox = SandboxConfig::default();
        assert_eq!(reservation(&sandbox), MEMORY);
        sandbox.engine.memory_reservation = Some(ByteSize::b(1));
        assert_eq!(reservation(&sandbox), 65_536);
    }
}
