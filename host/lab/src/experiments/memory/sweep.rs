//! One limit after another.

use crate::Result;
use crate::experiments::memory::figure::Figure;
use crate::experiments::memory::found::Found;
use crate::experiments::memory::growth::{Growth, growth};
use crate::experiments::memory::held::{Held, held};
use crate::experiments::memory::largest::{Largest, largest};
use crate::experiments::memory::limited_agent::{LimitedAgent, MOST};
use crate::experiments::memory::probe;
use crate::experiments::memory::recovery::{Recovery, recovery};
use crate::experiments::memory::start::{Start, start};
use crate::experiments::memory::workload::{Ran, workload};
use crate::sampling::recorder::Recorder;
use bytesize::ByteSize;
use sandlab_runtime::BackendKind;
use sandlab_runtime::limits::available_memory;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An agent under one limit.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct AtLimit {
    /// The limit, bytes.
    pub limit: u64,
    /// Start with this limit: the time, or the reason of a refusal.
    pub start: Start,
    /// The largest allocation.
    pub largest: Figure<Largest>,
    /// Memory and speed with a share of the limit filled.
    pub held: Figure<Vec<Held>>,
    /// Time to grow linear memory, by step.
    pub growth: Figure<Growth>,
    /// Time from running out of memory to the next good reply.
    pub recovery: Figure<Recovery>,
    /// The outcome of its own workload.
    pub workload: Figure<Ran>,
}

/// Puts an agent under one limit after another; each is a part of the run.
///
/// # Errors
/// If it fails for another reason than its memory, or gives a wrong reply.
pub fn sweep(tested: &LimitedAgent, limits: &[u64], to: &mut dyn Recorder) -> Result<()> {
    let has_words = probe::understands(tested.under(MOST)?.as_ref());
    for limit in limits {
        if to.stopped() {
            break;
        }
        to.part(tested.part("memory"))?;
        let found = at(tested, *limit, has_words)?;
        to.found(&Found::AtLimit(Box::new(found)))?;
    }
    Ok(())
}

fn at(tested: &LimitedAgent, limit: u64, has_words: bool) -> Result<AtLimit> {
    let (start, backend) = start(tested, limit)?;
    let Some(backend) = backend else {
        return Ok(AtLimit::not_started(limit, start));
    };
    let backend = backend.as_ref();
    let kind = tested.backend;
    let failed = |fault| tested.failed("when started", fault);
    let unlimited = (kind == BackendKind::Native)
        .then(|| "a native twin shares the host's memory, and has no limit of its own".to_owned());
    let outside = (kind != BackendKind::Wasm)
        .then(|| "only the sandbox has a linear memory that grows".to_owned());
    let wordless = (!has_words).then(|| {
        format!(
            "{} does not do with memory what it is told; `sandlab memory allocator` measures an \
             agent that does",
            tested.agent
        )
    });
    // All that follows can fill the limit. The first of all, while nothing of an earlier instance
    // is resident in the pool.
    let wordless = wordless.or_else(|| too_little(limit));
    let held = match wordless.clone() {
        Some(why) => Figure::Unavailable(why),
        None => Figure::Measured(held(tested.under(limit)?.as_ref(), limit).map_err(failed)?),
    };
    let largest = match wordless.clone().or(unlimited.clone()) {
        Some(why) => Figure::Unavailable(why),
        None => Figure::Measured(largest(backend, limit).map_err(failed)?),
    };
    let growth = match wordless.clone().or(outside) {
        Some(why) => Figure::Unavailable(why),
        None => Figure::Measured(growth(tested, limit)?),
    };
    let recovery = match wordless.or(unlimited) {
        Some(why) => Figure::Unavailable(why),
        None => Figure::Measured(recovery(tested, backend, limit)?),
    };
    Ok(AtLimit {
        limit,
        start,
        largest,
        held,
        growth,
        recovery,
        workload: Figure::Measured(workload(tested, backend)?),
    })
}

/// Returns the reason if there is less memory than filling the limit would take; `None` if there is
/// enough. An eighth is reserved for other processes.
fn too_little(limit: u64) -> Option<String> {
    let available = available_memory()?;
    (limit > available.bytes / 8 * 7).then(|| {
        format!(
            "{} leaves {} of memory, and the limit is {}",
            available.by,
            ByteSize::b(available.bytes).display().iec(),
            ByteSize::b(limit).display().iec()
        )
    })
}

impl AtLimit {
    fn not_started(limit: u64, start: Start) -> Self {
        fn none<T>() -> Figure<T> {
            Figure::unavailable("it does not start under this limit")
        }
        Self {
            limit,
            start,
            largest: none(),
            held: none(),
            growth: none(),
            recovery: none(),
            workload: none(),
        }
    }
}
