//! Times the return of an agent that ran out of memory.

use crate::experiments::memory::figure::Figure;
use crate::experiments::memory::limited_agent::{LimitedAgent, MOST};
use crate::experiments::memory::probe::Probe;
use crate::stats::Distribution;
use crate::workload::Case;
use crate::{Error, Result};
use sandlab_runtime::{Backend, BackendKind, CallError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// Times from running out of memory to the next good reply.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Recovery {
    /// From a message that asks for too much, which is refused and survived, until the reply
    /// to the next one.
    pub survived: Figure<Distribution>,
    /// From a message that asks for too much, which ends it, until the first reply of the
    /// next instance.
    pub ended: Figure<Distribution>,
}

/// Samples of each time.
const SAMPLES: usize = 31;

/// Lets an agent with the vocabulary run out, both ways.
///
/// # Errors
/// If an instance does not start, or does not come back.
pub fn recovery(tested: &LimitedAgent, backend: &dyn Backend, limit: u64) -> Result<Recovery> {
    let too_much = limit + (1 << 20);
    if backend.kind() == BackendKind::Wasm && too_much > MOST / 2 {
        let why = "a 32-bit agent is refused by its own allocator from 2 GiB on";
        return Ok(Recovery {
            survived: Figure::unavailable(why),
            ended: Figure::unavailable(why),
        });
    }
    Ok(Recovery {
        survived: survived(tested, backend, too_much)?,
        ended: ended(tested, backend, too_much)?,
    })
}

fn survived(
    tested: &LimitedAgent,
    backend: &dyn Backend,
    too_much: u64,
) -> Result<Figure<Distribution>> {
    let step = "after it was refused memory";
    let failed = |error: CallError| tested.failed(step, error);
    let mut probe = Probe::start(backend).map_err(|fault| failed(fault.into()))?;
    probe.tell("status").map_err(failed)?;
    let mut times = Distribution::default();
    for _ in 0..SAMPLES {
        let before = Instant::now();
        match probe.tell(&format!("try-allocate {too_much}")) {
            Err(CallError::Failure(_)) => {}
            Err(CallError::Fault(fault)) => {
                return Ok(Figure::unavailable(format!("it ends instead: {fault}")));
            }
            Ok(_) => return Ok(Figure::unavailable("it was not refused")),
        }
        probe.tell("status").map_err(failed)?;
        times.record(before.elapsed().as_nanos() as u64);
    }
    Ok(Figure::Measured(times))
}

fn ended(
    tested: &LimitedAgent,
    backend: &dyn Backend,
    too_much: u64,
) -> Result<Figure<Distribution>> {
    let failed = |error: CallError| tested.failed("started again after it ran out", error);
    let start = || Probe::start(backend).map_err(|fault| failed(fault.into()));
    let mut probe = start()?;
    let mut times = Distribution::default();
    for _ in 0..SAMPLES {
        let before = Instant::now();
        match probe.tell(&format!("allocate {too_much}")) {
            Err(CallError::Fault(_)) => {}
            _ => return Ok(Figure::unavailable("it does not end")),
        }
        drop(probe);
        probe = start()?;
        probe.tell("status").map_err(failed)?;
        times.record(before.elapsed().as_nanos() as u64);
    }
    Ok(Figure::Measured(times))
}

/// Times how soon a new instance of any agent gives its first good reply: what is left to do for
/// one that its workload made run out. Unavailable if it runs out with that very message.
///
/// # Errors
/// If it does not start, or replies what it must not.
pub fn restarted(
    tested: &LimitedAgent,
    backend: &dyn Backend,
    case: &Case,
) -> Result<Figure<Distribution>> {
    let Some(first) = case.exchanges.first() else {
        return Ok(Figure::unavailable("the workload has no message"));
    };
    let mut times = Distribution::default();
    for _ in 0..SAMPLES {
        let before = Instant::now();
        let mut agent = match tested.start(backend, case) {
            Ok(agent) => agent,
            Err(error) => return Err(tested.failed("started again after it ran out", error)),
        };
        let handled = match agent.handle(&first.request) {
            Ok(handled) => handled,
            Err(error) => {
                return Ok(Figure::unavailable(format!(
                    "its first message is already too much: {error}"
                )));
            }
        };
        times.record(before.elapsed().as_nanos() as u64);
        let checked = first.check_all(&handled);
        checked
            .map_err(|reason| -> Error { tested.wrong("after it was started again", reason) })?;
    }
    Ok(Figure::Measured(times))
}
