//! Settings of the engine: the compilation of guests, and the address space around their memory.

use super::{Size, size};
use bytesize::ByteSize;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The way that a guest which computes is stopped at its deadline.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Interrupt {
    /// By a counter that it reads at every loop and function, up to 10 ms late (wasmtime's
    /// epochs).
    #[default]
    Epoch,
    /// By a page that the guest writes to, and that is made read-only at the deadline, up to 2 ms
    /// late. Agents that compute take less time, and each has a second memory. Where that is not
    /// possible, epochs are used, and reports have the reason: on async calls, with fuel, in the
    /// layout packed, with more than 5,000 slots, where `[engine]` has accesses checked, and for
    /// components that are composed of others.
    Page,
    /// None: a guest in an endless loop keeps its thread for ever, unless `fuel` ends it. For
    /// guests that are trusted as the host's own code: `serve` and `validate`, which run untrusted
    /// ones, refuse it without `fuel`.
    None,
}

/// Settings of Cranelift, which compiles guests, and of the address space around their memory. The
/// defaults are wasmtime's, or follow from the layout. `sandlab tune` measures the effect of each
/// for a component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct EngineSettings {
    /// Optimisation by the compiler. Default speed.
    pub opt_level: OptLevel,
    /// Algorithm of the register allocator. Default backtracking.
    pub register_allocator: RegisterAllocator,
    /// Whether calls of small functions are replaced by their code. Default false: compilers of
    /// guests have done so already, and code grows.
    pub inlining: bool,
    /// Whether guests may use vector instructions (SIMD). Default true. Without them, a guest that
    /// needs them does not load.
    pub simd: bool,
    /// Whether memory accesses out of bounds and divisions by zero are caught by signals. Without
    /// signals the guest's code checks every access, and has no mitigation of Spectre at its
    /// bounds. Default true, or in the layout `packed` false.
    pub signals_based_traps: Option<bool>,
    /// Whether a component's functions are compiled on all cores. Default true.
    pub parallel_compilation: bool,
    /// Address space per memory. Below 4 GiB the guest's code checks every access; a pool's has
    /// to hold the memory limit. Default 4 GiB, or in the layout `packed` the memory limit.
    #[schemars(with = "Option<Size>")]
    #[serde(serialize_with = "size::serialize_some")]
    pub memory_reservation: Option<ByteSize>,
    /// Address space after each memory that traps, for the offsets of accesses. Accesses with
    /// larger offsets are checked. Default 32 MiB, or in the layout `packed` none.
    #[schemars(with = "Option<Size>")]
    #[serde(serialize_with = "size::serialize_some")]
    pub memory_guard: Option<ByteSize>,
    /// Whether components that need component-model async, as all of WASI 0.3 do, may run. Default
    /// false: wasmtime calls its WASI 0.3 experimental and promises no patches for holes in it, and
    /// each call of a component takes about twice as long, whether it is async or not.
    pub async_components: bool,
    /// Whether the kernel is asked which pages of a slot were touched, so that only those are
    /// reset. Default true on kernels that can tell (Linux 6.7).
    pub page_map_scan: bool,
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self {
            opt_level: OptLevel::default(),
            register_allocator: RegisterAllocator::default(),
            inlining: false,
            simd: true,
            signals_based_traps: None,
            parallel_compilation: true,
            memory_reservation: None,
            memory_guard: None,
            async_components: false,
            page_map_scan: true,
        }
    }
}

/// The optimisation by the compiler.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OptLevel {
    /// None: it compiles fastest.
    None,
    /// For speed.
    #[default]
    Speed,
    /// For speed and small code.
    SpeedAndSize,
}

/// The algorithm of the register allocator.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RegisterAllocator {
    /// With backtracking: faster code.
    #[default]
    Backtracking,
    /// In a single pass: faster compilation.
    SinglePass,
}
