//! From wasmtime's error to the fault that a person can act on.
//!
//! A cause is named only where there is evidence for it: the trap, the address, the stack
//! pointer at that moment, what the limiter refused in the call, and what the guest wrote.

use super::layout::{LinkedStack, Module};
use super::limiter::Denial;
use super::output::{last_lines, panic_message, readable};
use super::state::State;
use crate::config::SandboxConfig;
use crate::{Budget, Cause, Evidence, Fault, Refused, Stack};
use std::sync::Arc;
use wasmtime::{
    Error, FrameInfo, PoolConcurrencyLimitError, Store, Trap, Val, WasmBacktrace, WasmCoreDump,
};
use wasmtime_wasi::{I32Exit, ResourceTableError};

/// Returns the fault behind an error of a call. The modules are those of the component's core
/// instances, in their order, or empty if they are not known.
pub fn classify(
    error: &Error,
    store: &mut Store<State>,
    config: &SandboxConfig,
    modules: &[Arc<Module>],
) -> Fault {
    let cause = cause(error, store, config, modules);
    let evidence = evidence(error, &cause, store.data(), config, modules);
    Fault { cause, evidence: evidence.map(Box::new) }
}

/// Returns the fault behind an error of instantiation. One that is not from the guest's code is
/// a limit's, or the machine's: no memory, no mapping.
pub fn classify_start(
    error: &Error,
    store: &mut Store<State>,
    config: &SandboxConfig,
    modules: &[Arc<Module>],
) -> Fault {
    let mut fault = classify(error, store, config, modules);
    if matches!(fault.cause, Cause::Contract(_)) && !error.is::<WasmBacktrace>() {
        fault.cause = refusal(store.data(), config)
            .unwrap_or_else(|| Cause::Host(error.root_cause().to_string()));
        fault.evidence = None;
    }
    fault
}

fn cause(
    error: &Error,
    store: &mut Store<State>,
    config: &SandboxConfig,
    modules: &[Arc<Module>],
) -> Cause {
    if let Some(cause) = error.downcast_ref::<Cause>() {
        return cause.clone();
    }
    if error.is::<PoolConcurrencyLimitError>() {
        return Cause::NoSlot(format!("{error}; raise `allocation.slots`, or end some agents"));
    }
    let exit = error.downcast_ref::<I32Exit>().map(|exit| exit.0);
    let trap = error.downcast_ref::<Trap>();
    match trap {
        Some(Trap::Interrupt) => return Cause::Deadline(config.deadline),
        Some(Trap::MemoryOutOfBounds) if met_page(error, store.data()) => {
            return Cause::Deadline(config.deadline);
        }
        Some(Trap::OutOfFuel) => return Cause::OutOfFuel(config.fuel.unwrap_or_default()),
        Some(Trap::StackOverflow) => {
            return Cause::StackOverflow { stack: Stack::Engine, size: config.stack.as_u64() };
        }
        Some(Trap::MemoryOutOfBounds) => {
            if let Some(stack) = overflowed(error, store, modules) {
                return Cause::StackOverflow { stack: Stack::Linked, size: stack.size() };
            }
        }
        _ => {}
    }
    let root = error.root_cause().to_string();
    if trap.is_none()
        && exit.is_none()
        && let Some(cause) = host_limit(error, &root, config)
    {
        return cause;
    }
    let state = store.data();
    let aborted = matches!(trap, Some(Trap::UnreachableCodeReached));
    if aborted && let Some(message) = panic_message(&state.output.text()) {
        return Cause::Panic(message);
    }
    // Other traps have a cause of their own, so that the guest survived the refusal.
    let gave_up = aborted || exit.is_some_and(|status| status != 0);
    if gave_up && let Some(cause) = refusal(state, config) {
        return cause;
    }
    if let Some(status) = exit {
        return Cause::Exited(status);
    }
    if let Some(trap) = trap {
        return Cause::Trap(trap_name(trap));
    }
    // Errors that no type rules out and that wasmtime finds in the guest's values: a pointer
    // beyond its memory, an unknown discriminant, text that is not UTF-8.
    Cause::Contract(root)
}

/// Returns whether the access that trapped was a check that met the interrupt page. Checks store at
/// its first byte, where no access of the guest's own traps unless its memory is empty.
fn met_page(error: &Error, state: &State) -> bool {
    state.pages.was_stopped && address(error) == Some(0)
}

/// Returns the cause that the last refused growth is, if one was refused in this call.
fn refusal(state: &State, config: &SandboxConfig) -> Option<Cause> {
    match state.limiter.denied()? {
        Denial::Memory(asked) => Some(Cause::OutOfMemory {
            asked,
            limit: config.memory_limit.as_u64(),
            peak: state.limiter.memory_peak(),
        }),
        Denial::Table(asked) => {
            let limit = config.table_limit;
            let text = format!("tables of {asked} elements; `table-limit` is {limit}");
            Some(Cause::OverLimit(text))
        }
    }
}

/// Returns the host's limit that an error of wasmtime is about. `None` for other errors.
fn host_limit(error: &Error, root: &str, config: &SandboxConfig) -> Option<Cause> {
    if root.contains(HOSTCALL_FUEL) {
        return Some(Cause::ResultTooLarge(config.result_limit.as_u64()));
    }
    if root.starts_with(INSTANCES) {
        let limit = config.instance_limit;
        return Some(Cause::OverLimit(format!("{root}; `instance-limit` is {limit}")));
    }
    let over = |budget, limit| Cause::OverBudget { budget, limit };
    let is_full = matches!(error.downcast_ref(), Some(ResourceTableError::Full));
    if is_full || root.contains(HANDLES) {
        return Some(over(Budget::Handles, config.budgets.handles.into()));
    }
    (root.starts_with(RANDOM)).then(|| over(Budget::Random, config.result_limit.as_u64()))
}

/// The text of wasmtime's private `HostcallFuelExhausted`; a test would notice if it changed.
const HOSTCALL_FUEL: &str = "fuel allocated for hostcalls";

/// The text of a store that has as many handles as it may have; tested like the first.
const HANDLES: &str = "store handle limit exceeded";

/// The text of a store that has as many instances, memories or tables as its limiter allows;
/// tested like the first.
const INSTANCES: &str = "resource limit exceeded: ";

/// The text of `get-random-bytes` over its limit; tested like the first.
const RANDOM: &str = "requested len ";

/// Returns the linked stack that had overflowed when an access of the memory trapped. `None` if
/// none had.
///
/// The stack pointer is the evidence: an overflow makes it wrap below zero, and only then is
/// it beyond the memory. The address alone is not: `buf[-1]` of a null pointer lies there too,
/// and bulk memory instructions tell none. A stack above data silently overwrites them first,
/// and traps when the pointer has passed those as well.
fn overflowed(
    error: &Error,
    store: &mut Store<State>,
    modules: &[Arc<Module>],
) -> Option<LinkedStack> {
    let address = address(error);
    let memory = store.data().limiter.memory();
    let pointers = stack_pointers(error, store, modules)?;
    let overflowed = pointers.into_iter().find(|(stack, pointer)| {
        let has_wrapped = *pointer > memory && address.is_none_or(|address| address >= *pointer);
        has_wrapped || (stack.bottom == 0 && is_in_red_zone(*pointer, address))
    });
    overflowed.map(|(stack, _)| stack)
}

/// Returns whether an access was in the red zone of a function that calls no other: up to 128 bytes
/// below the stack pointer, which such a function leaves as it is (LLVM's
/// `WebAssemblyFrameLowering`).
fn is_in_red_zone(pointer: u64, address: Option<u64>) -> bool {
    const RED_ZONE: u64 = 128;
    const END: u64 = 1 << 32;
    pointer < RED_ZONE
        && address.is_some_and(|address| (END + pointer - RED_ZONE..END).contains(&address))
}

/// Returns the linked stacks of all instances with their pointers' values. `None` if the instances
/// are not those that the component's bytes list: wasmtime adds modules of its own where
/// components are composed.
fn stack_pointers(
    error: &Error,
    store: &mut Store<State>,
    modules: &[Arc<Module>],
) -> Option<Vec<(LinkedStack, u64)>> {
    let dump = error.downcast_ref::<WasmCoreDump>()?;
    // Of an instantiation that fails only the first ones are there.
    let modules = modules.get(..dump.instances().len())?;
    let globals: usize = modules.iter().map(|module| module.globals as usize).sum();
    if globals != dump.globals().len() {
        return None;
    }
    let mut found = Vec::new();
    let mut first = 0;
    for module in modules {
        if let Some(stack) = module.stack {
            let pointer = dump.globals().get(first + stack.pointer as usize)?;
            if let Val::I32(pointer) = pointer.get(&mut *store) {
                found.push((stack, u64::from(pointer.cast_unsigned())));
            }
        }
        first += module.globals as usize;
    }
    Some(found)
}

/// Returns the address in linear memory whose access trapped, which wasmtime tells only as
/// text.
fn address(error: &Error) -> Option<u64> {
    const NAMED: &str = "memory fault at wasm address 0x";
    error.chain().find_map(|context| {
        let text = context.to_string();
        let digits = text.strip_prefix(NAMED)?;
        let end = digits.find(|c: char| !c.is_ascii_hexdigit());
        u64::from_str_radix(&digits[..end.unwrap_or(digits.len())], 16).ok()
    })
}

/// Collects what is known besides the cause. `None` if nothing is.
fn evidence(
    error: &Error,
    cause: &Cause,
    state: &State,
    config: &SandboxConfig,
    modules: &[Arc<Module>],
) -> Option<Evidence> {
    let frames = error.downcast_ref::<WasmBacktrace>();
    let frames = frames.map_or(&[][..], WasmBacktrace::frames);
    let says_the_same = matches!(
        cause,
        Cause::Deadline(_)
            | Cause::OutOfFuel(_)
            | Cause::StackOverflow { stack: Stack::Engine, .. }
    );
    let trap = error.downcast_ref::<Trap>().filter(|_| !says_the_same);
    let refused = match (cause, state.limiter.denied()) {
        (Cause::OutOfMemory { .. }, _) | (_, Some(Denial::Table(_)) | None) => None,
        (_, Some(Denial::Memory(asked))) => {
            Some(Refused { asked, limit: config.memory_limit.as_u64() })
        }
    };
    let evidence = Evidence {
        trap: trap.map(trap_name),
        address: address(error).filter(|_| !says_the_same),
        functions: functions(frames, modules),
        after_answer: frames
            .last()
            .and_then(|frame| exported_name(frame, modules))
            .is_some_and(|name| name.starts_with(POST_RETURN)),
        refused,
        output: last_lines(&state.output.text()),
    };
    (evidence != Evidence::default()).then_some(evidence)
}

/// Returns a trap's name without wasmtime's prefix.
fn trap_name(trap: &Trap) -> String {
    let text = trap.to_string();
    text.strip_prefix("wasm trap: ").unwrap_or(&text).to_owned()
}

/// The canonical ABI's prefix for exports that free an answer after it was taken.
const POST_RETURN: &str = "cabi_post_";

/// Returns the names of the innermost functions, each once if it calls itself.
fn functions(frames: &[FrameInfo], modules: &[Arc<Module>]) -> Vec<String> {
    let mut names: Vec<_> = frames.iter().map(|frame| name(frame, modules)).collect();
    names.dedup();
    names.truncate(Evidence::FUNCTIONS);
    names
}

/// Returns a function's name. One without is called by its export, or else by its index.
fn name(frame: &FrameInfo, modules: &[Arc<Module>]) -> String {
    if let Some(name) = frame.func_name() {
        let name = format!("{:#}", rustc_demangle::demangle(name));
        return readable(&name);
    }
    exported_name(frame, modules)
        .map_or_else(|| format!("function {}", frame.func_index()), readable)
}

/// Returns the export that a function is. Wasmtime does not tell which of the component's
/// modules a frame belongs to, so that its exports have to.
fn exported_name<'a>(frame: &FrameInfo, modules: &'a [Arc<Module>]) -> Option<&'a str> {
    let mut exports = modules.iter().flat_map(|module| &module.exports);
    let found = exports.find(|(name, index)| {
        *index == frame.func_index() && frame.module().get_export(name).is_some()
    });
    found.map(|(name, _)| name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_little_below_zero_is_in_the_red_zone() {
        assert!(is_in_red_zone(16, Some(0xffff_fff0)));
        assert!(!is_in_red_zone(16, Some(0xffff_ff80)));
        assert!(!is_in_red_zone(200, Some(0xffff_ffff)));
        assert!(!is_in_red_zone(16, Some(8)));
        assert!(!is_in_red_zone(16, None));
    }
}
