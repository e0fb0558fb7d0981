//! From wasmtime's error to the fault that a person can act on.

use super::limiter::Denial;
use super::state::State;
use crate::config::{Layout, SandboxConfig};
use crate::{Budget, Fault};
use wasmtime::{Error, PoolConcurrencyLimitError, Trap};
use wasmtime_wasi::{I32Exit, ResourceTableError};

/// What ended the instance. The order matters: a guest that is refused memory aborts
/// with the same trap as one that panics, so the refusal and the text tell them apart.
pub fn classify(error: &Error, state: &State, config: &SandboxConfig) -> Fault {
    if let Some(fault) = error.downcast_ref::<Fault>() {
        return fault.clone();
    }
    if let Some(exit) = error.downcast_ref::<I32Exit>() {
        return Fault::Exited(exit.0);
    }
    if error.is::<PoolConcurrencyLimitError>() {
        return Fault::NoSlot(format!(
            "{error}; raise `allocation.slots`, or end some agents"
        ));
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => return Fault::Deadline(config.deadline),
        Some(Trap::OutOfFuel) => return Fault::OutOfFuel(config.fuel.unwrap_or_default()),
        Some(Trap::StackOverflow) => return Fault::StackOverflow(config.stack.as_u64()),
        Some(Trap::MemoryOutOfBounds) if is_below_zero(&format!("{error:#}")) => {
            return Fault::StackOverflow(LINKED_STACK);
        }
        _ => {}
    }
    let root = error.root_cause().to_string();
    if root.contains(HOSTCALL_FUEL) {
        return Fault::ResultTooLarge(config.result_limit.as_u64());
    }
    if let Some(fault) = over_budget(error, &root, config) {
        return fault;
    }
    if root.starts_with(INSTANCES) {
        let limit = config.instance_limit;
        return Fault::OverLimit(format!("{root}; `instance-limit` is {limit}"));
    }
    let output = state.output.text();
    if !output.contains(ALLOCATION_FAILED)
        && let Some(message) = panic_message(&output)
    {
        return Fault::Panic(message);
    }
    match state.limiter.denied() {
        Some(Denial::Memory(asked)) => {
            return Fault::OutOfMemory {
                asked,
                limit: config.memory_limit.as_u64(),
                peak: state.limiter.memory_peak(),
            };
        }
        Some(Denial::Table(asked)) => {
            let limit = config.table_limit;
            return Fault::OverLimit(format!(
                "tables of {asked} elements; `table-limit` is {limit}"
            ));
        }
        None => {}
    }
    let packed = config.allocation.layout == Layout::Packed;
    if packed && matches!(error.downcast_ref(), Some(Trap::MemoryOutOfBounds)) {
        return Fault::Trap(format!(
            "{root}; with the layout `packed` that can also be the end of its stack"
        ));
    }
    if error.is::<Trap>() {
        return Fault::Trap(root);
    }
    // What no type rules out, and wasmtime found when it took it from the guest: a pointer
    // beyond its memory, a discriminant that there is not, text that is no UTF-8.
    Fault::Contract(root)
}

/// The budget whose end wasmtime told the guest of.
fn over_budget(error: &Error, root: &str, config: &SandboxConfig) -> Option<Fault> {
    let over = |budget, limit| Fault::OverBudget { budget, limit };
    let is_full = matches!(error.downcast_ref(), Some(ResourceTableError::Full));
    if is_full || root.contains(HANDLES) {
        return Some(over(Budget::Handles, config.budgets.handles.into()));
    }
    (root.starts_with(RANDOM)).then(|| over(Budget::Random, config.result_limit.as_u64()))
}

/// The stack that rustc links into a guest's linear memory, for what has an address.
const LINKED_STACK: u64 = 1 << 20;

/// Whether an access was right below address zero. That is where the stack in linear
/// memory ends, because rustc links it first (`--stack-first`), so that its overflow traps.
/// An instruction's own offset, within a frame, is added after the address has wrapped,
/// so that the sum can be a little over 4 GiB as well as below.
fn is_below_zero(error: &str) -> bool {
    const NAMED: &str = "memory fault at wasm address 0x";
    let Some((_, after)) = error.split_once(NAMED) else {
        return false;
    };
    let end = after
        .find(|c: char| !c.is_ascii_hexdigit())
        .unwrap_or(after.len());
    u64::from_str_radix(&after[..end], 16)
        .is_ok_and(|address| address.abs_diff(1 << 32) <= LINKED_STACK)
}

/// The text of wasmtime's private `HostcallFuelExhausted`; a test would notice if it changed.
const HOSTCALL_FUEL: &str = "fuel allocated for hostcalls";

/// The same of what a store says that has as many handles as it may have.
const HANDLES: &str = "store handle limit exceeded";

/// The same of a store that has as many instances, memories or tables as its limiter allows.
const INSTANCES: &str = "resource limit exceeded: ";

/// The same of `get-random-bytes`.
const RANDOM: &str = "requested len ";

/// What Rust's standard library writes before it aborts for want of memory.
const ALLOCATION_FAILED: &str = "memory allocation of ";

/// A Rust panic writes `thread … panicked at FILE:LINE:COLUMN:`, and then its message.
fn panic_message(output: &str) -> Option<String> {
    let (_, after) = output.rsplit_once("panicked at ")?;
    let (_, message) = after.split_once('\n')?;
    let end = message.find("\nnote: ").unwrap_or(message.len());
    Some(message[..end].trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_address_below_zero_is_the_stacks_end() {
        assert!(is_below_zero(
            "memory fault at wasm address 0xffffff70 in linear memory"
        ));
        assert!(!is_below_zero(
            "memory fault at wasm address 0x7fffffff in linear memory"
        ));
        assert!(is_below_zero(
            "memory fault at wasm address 0x1000000f0 in linear memory"
        ));
        assert!(!is_below_zero(
            "memory fault at wasm address 0x100200000 in linear memory"
        ));
    }

    #[test]
    fn finds_the_panics_message() {
        let output = "\nthread '<unnamed>' (1) panicked at src/lib.rs:9:5:\nno such\nthing\nnote: run with `RUST_BACKTRACE=1`\n";
        assert_eq!(panic_message(output).unwrap(), "no such\nthing");
        assert_eq!(panic_message("hello"), None);
    }
}
