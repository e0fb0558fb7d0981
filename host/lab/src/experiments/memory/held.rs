//! Measures an agent that has filled a share of its limit.

use crate::experiments::memory::figure::Figure;
use crate::experiments::memory::limited_agent::PAGE;
use crate::experiments::memory::pace::{Pace, pace};
use crate::experiments::memory::probe::Probe;
use crate::sampling::process_memory::resident;
use crate::workload::{Case, Exchange, Expected};
use sandlab_runtime::subject::Kind;
use sandlab_runtime::{Backend, BackendKind, CallError, Fault};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The shares of the limit that are filled, percent.
pub const SHARES: [u64; 3] = [50, 90, 99];

/// An instance with a share of its limit filled.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Held {
    /// The share of the limit that was to be filled, percent.
    pub percent: u64,
    /// Memory and speed at that share; unavailable if the instance does not reach it.
    pub state: Figure<Full>,
}

/// An instance that holds a share of its limit.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Full {
    /// Bytes that the agent says it retains.
    pub retained: u64,
    /// Linear memory, bytes; null on backends without one.
    pub linear: Option<u64>,
    /// Growth of resident memory since before it started, bytes: of this process, or of the child
    /// since it was ready. Null where the kernel does not say.
    pub resident: Option<u64>,
    /// The speed of `touch 1024`: an allocation of 1 KiB, written to and freed.
    pub pace: Pace,
}

/// The most bytes that one message has the instance retain. A gigabyte in one message would take
/// longer than a deadline.
const CHUNK: u64 = 16 << 20;

/// The most bytes that an allocator adds to a chunk of its own.
const BOOKKEEPING: u64 = 128;

/// Fills one instance to one share after another. The backend must be new: memory that an earlier
/// instance left in the pool would not become resident again.
///
/// # Errors
/// If it does not start.
pub fn held(backend: &dyn Backend, limit: u64) -> Result<Vec<Held>, Fault> {
    let before = resident();
    let mut probe = Probe::start(backend)?;
    let kind = backend.kind();
    let before = match kind {
        BackendKind::Process => probe.usage().memory,
        BackendKind::Wasm | BackendKind::Native | BackendKind::Deployed => before,
    };
    let mut retained = 0;
    let mut ended = None;
    let filled = SHARES.map(|percent| {
        let target = limit * percent / 100;
        let state = match ended {
            Some(earlier) => Figure::unavailable(format!("it ended on the way to {earlier} %")),
            None => match fill(&mut probe, kind, target, &mut retained) {
                Ok(()) => measure(&mut probe, kind, retained, before),
                Err(why) => Figure::Unavailable(why),
            },
        };
        if ended.is_none() && probe.tell("status").is_err() {
            ended = Some(percent);
        }
        Held { percent, state }
    });
    Ok(filled.into())
}

/// Has it retain memory up to a target: of linear memory in the sandbox, in whole pages; of
/// retained bytes elsewhere.
fn fill(
    probe: &mut Probe,
    kind: BackendKind,
    target: u64,
    retained: &mut u64,
) -> Result<(), String> {
    let in_sandbox = kind == BackendKind::Wasm;
    let target = if in_sandbox { target / PAGE * PAGE } else { target };
    let has = |probe: &Probe, retained| match in_sandbox {
        true => probe.usage().memory.unwrap_or(0),
        false => retained,
    };
    let first = has(probe, *retained);
    if in_sandbox && *retained == 0 && first > target {
        return Err(format!("it has {first} bytes from its start on"));
    }
    loop {
        let now = has(probe, *retained);
        let missing = target.saturating_sub(now + BOOKKEEPING).min(CHUNK);
        if now >= target || missing == 0 {
            return Ok(());
        }
        let told = probe.tell(&format!("retain {missing}"));
        *retained = told.map_err(|error| format!("it ran out on the way there: {error}"))?;
        if !in_sandbox && *retained + BOOKKEEPING >= target {
            return Ok(());
        }
    }
}

fn measure(
    probe: &mut Probe,
    kind: BackendKind,
    retained: u64,
    before: Option<u64>,
) -> Figure<Full> {
    let now = match kind {
        BackendKind::Process => probe.usage().memory,
        BackendKind::Wasm | BackendKind::Native | BackendKind::Deployed => resident(),
    };
    let linear = probe.usage().memory.filter(|_| kind == BackendKind::Wasm);
    match pace(probe.0.as_mut(), &touches(retained)) {
        Ok(pace) => Figure::Measured(Full {
            retained,
            linear,
            resident: now.zip(before).map(|(now, then)| now.saturating_sub(then)),
            pace,
        }),
        Err(CallError::Fault(fault)) => Figure::Unavailable(format!("it ended then: {fault}")),
        Err(failure) => Figure::Unavailable(format!("it did not do its work then: {failure}")),
    }
}

/// Returns a case of `touch 1024`, for an agent that retains so many bytes.
fn touches(retained: u64) -> Case {
    let expected = Expected::Reply(retained.to_string().into_bytes());
    let exchange = Exchange::new("touch 1024", expected);
    Case { size: Some(1_024), ..Case::new(Kind::Agent, vec![exchange]) }
}
