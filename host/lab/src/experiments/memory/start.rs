//! Decides whether an agent starts under a limit; if not, with the reason and the remedy.

use crate::experiments::memory::figure::Figure;
use crate::experiments::memory::limited_agent::{LimitedAgent, PAGE};
use crate::{Error, Result};
use bytesize::ByteSize;
use sandlab_runtime::wasm::Memories;
use sandlab_runtime::{Backend, CallError, Cause, Fault, LoadError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The start of an agent under a limit.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Start {
    /// The refusal to start; null if it starts.
    pub refused: Option<Refused>,
    /// The memories that the component starts with.
    #[schemars(with = "Figure<BTreeMap<String, u64>>")]
    pub memories: Figure<Memories>,
    /// Memory once it is ready for its first message, bytes; null if it does not start or the
    /// backend does not tell.
    pub ready: Option<u64>,
}

/// The reason why an agent does not start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Refused {
    /// The refusal, as the runtime words it.
    pub reason: String,
    /// The setting to change, or the way to build the guest.
    pub remedy: String,
}

/// A stack that is enough for most agents: `sandlab-agent` and `std` need some kilobytes.
const SMALL_STACK: u64 = 65_536;

/// Returns a text such as `17 pages (1.1 MiB) in 1 memory, of which 1.0 MiB are stack`.
pub fn describe(memories: &Memories) -> String {
    let pages = memories.initial / PAGE;
    let size = ByteSize::b(memories.initial);
    let count = match memories.count {
        1 => "1 memory".to_owned(),
        n => format!("{n} memories"),
    };
    let stack = memories.stack.map(|stack| format!(", of which {} are stack", ByteSize::b(stack)));
    format!("{pages} pages ({size}) in {count}{}", stack.unwrap_or_default())
}

/// Returns the advice by which a component with these memories would start under the limit.
fn remedy(memories: &Memories, limit: u64) -> String {
    let raise = format!("raise the limit to at least {} bytes", memories.initial);
    let Some(stack) = memories.stack.filter(|stack| *stack > SMALL_STACK) else {
        return raise;
    };
    let initial = (memories.initial - stack + SMALL_STACK).next_multiple_of(PAGE);
    let enough = if initial > limit { "still more than this limit" } else { "which fits" };
    format!(
        "{raise}, or link it with a stack of 64 KiB: then it starts with {} pages, {enough}. \
         For Rust: `println!(\"cargo::rustc-link-arg=-zstack-size=65536\")` in its build.rs; \
         for clang: `-Wl,-z,stack-size=65536`",
        initial / PAGE
    )
}

/// Starts one instance. Returns the backend with the start, if it started.
///
/// # Errors
/// If it does not start for another reason than the limit.
pub fn start(tested: &LimitedAgent, limit: u64) -> Result<(Start, Option<Arc<dyn Backend>>)> {
    let memories = tested.memories.clone();
    let fits = tested.initial() <= limit;
    let backend = match tested.under(limit) {
        Ok(backend) => backend,
        // The layout `packed` reserves no more than the limit, so that it does not even load.
        Err(Error::Load { source: LoadError::Prepare(_), .. }) if !fits => {
            return Ok((refused(memories, limit, None), None));
        }
        Err(error) => return Err(error),
    };
    let case = tested.cases.first();
    let started = case.map(|case| tested.start(backend.as_ref(), case));
    match started {
        Some(Err(CallError::Fault(fault))) if matches!(fault.cause, Cause::OutOfMemory { .. }) => {
            Ok((refused(memories, limit, Some(fault)), None))
        }
        Some(Err(error)) => Err(tested.failed("when started", error)),
        Some(Ok(agent)) => {
            let ready = agent.usage().memory;
            let start = Start { refused: None, memories, ready };
            Ok((start, Some(backend)))
        }
        None => Err(Error::Usage(format!("{} has no workload", tested.agent))),
    }
}

fn refused(memories: Figure<Memories>, limit: u64, fault: Option<Fault>) -> Start {
    let has = memories.value().map(describe);
    let reason = match (&has, fault) {
        (Some(has), _) if memories.value().is_some_and(|m| m.initial > limit) => {
            format!("it starts with {has}")
        }
        (Some(has), Some(fault)) => {
            format!("it starts with {has}, and needs more before its first message: {fault}")
        }
        (None, Some(fault)) => fault.to_string(),
        (_, None) => "it does not load".to_owned(),
    };
    let remedy = memories
        .value()
        .map_or_else(|| "raise the limit".to_owned(), |memories| remedy(memories, limit));
    Start { refused: Some(Refused { reason, remedy }), memories, ready: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_stack_has_a_remedy_and_a_small_one_has_not() {
        let stock = Memories { count: 1, initial: 17 * PAGE, stack: Some(1 << 20) };
        let described = describe(&stock);
        assert!(described.starts_with("17 pages"), "{described}");
        let fits = remedy(&stock, 1_000_000);
        assert!(fits.contains("-zstack-size=65536"), "{fits}");
        assert!(fits.contains("with 2 pages, which fits"), "{fits}");
        assert!(remedy(&stock, 70_000).contains("still more"));
        let small = Memories { initial: 2 * PAGE, stack: Some(65_536), ..stock };
        assert_eq!(remedy(&small, 1), "raise the limit to at least 131072 bytes");
    }
}
