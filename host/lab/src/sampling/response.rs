//! An agent's own response time: one call after another, without the path.

use crate::sampling::program::Program;
use crate::sampling::traffic::Traffic;
use crate::stats::Distribution;
use crate::{Error, Result};
use sandlab_runtime::{Identity, Message};
use std::time::{Duration, Instant};

/// Calls that are timed, at most.
const CALLS: u64 = 20_000;

/// The longest time that they take together.
const TIME: Duration = Duration::from_millis(500);

/// Takes the times of single calls, after a tenth as many to warm up. `call` makes the call of this
/// number and returns its time; `None` if it failed, and then there are none. Reading the clock adds
/// some 25 ns to each.
///
/// # Errors
/// Those of `call`.
pub fn times(
    mut call: impl FnMut(u64) -> Result<Option<Duration>>,
) -> Result<Option<Distribution>> {
    let mut times = Distribution::default();
    let start = Instant::now();
    for id in 0..CALLS + CALLS / 10 {
        if start.elapsed() > TIME {
            break;
        }
        let Some(took) = call(id)? else {
            return Ok(None);
        };
        if id >= CALLS / 10 || start.elapsed() > TIME / 10 {
            times.record(took.as_nanos() as u64);
        }
    }
    Ok(Some(times))
}

/// Times single calls of one instance.
///
/// # Errors
/// If the agent does not start, or replies what it must not. One that fails has no response time.
pub fn response(program: &Program) -> Result<Option<Distribution>> {
    let failed = |source| Error::Call {
        agent: program.agent.clone(),
        side: program.backend.to_string(),
        step: "when called alone".to_owned(),
        source,
    };
    let identity = match &program.traffic {
        Traffic::Echo { .. } => Identity::alone(),
        Traffic::Series(case) => case.identity(),
    };
    let spawned = program.start.spawn(identity);
    let mut agent = spawned.map_err(|fault| failed(fault.into()))?;
    if !program.config.is_empty() {
        agent.configure(&program.config).map_err(failed)?;
    }
    times(|id| {
        let message = Message::request(program.traffic.content(id, id as u32));
        let before = Instant::now();
        let handled = match agent.handle(&message) {
            Ok(handled) => handled,
            // What it takes to fail is no response time; the load will tell.
            Err(_) => return Ok(None),
        };
        let took = before.elapsed();
        match handled.replies.as_slice() {
            [reply] => program.traffic.check(id, id as u32, reply)?,
            other => {
                let count = other.len();
                return Err(Error::Path(format!("message {id} had {count} replies")));
            }
        }
        Ok(Some(took))
    })
}
