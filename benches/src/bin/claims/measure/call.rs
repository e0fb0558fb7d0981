//! Calls to `echo`, in pairs of fresh instances.

use anyhow::{Context, Result};
use bytesize::ByteSize;
use sandlab::stats::{Estimate, median_interval};
use sandlab_benches::{Echo, exchange, exchange_by_hand};
use sandlab_runtime::config::Calls;
use sandlab_runtime::{Agent, Message, SandboxConfig};
use serde::Deserialize;
use std::time::Instant;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Parameters {
    /// Size of the content of each message.
    size: ByteSize,
}

impl Parameters {
    pub fn message(&self) -> Message {
        Message::request(vec![7; self.size.as_u64() as usize])
    }
}

const ROUNDS: usize = 41;

/// The work of one side that is timed, done once per call.
pub type Once<'a> = Box<dyn FnMut() -> Result<()> + 'a>;

/// Returns the median of `ours ÷ theirs` over rounds of fresh instances, in the order A B B A.
pub fn paired<'a>(
    ours: impl Fn() -> Result<Once<'a>>,
    theirs: impl Fn() -> Result<Once<'a>>,
    times: u32,
) -> Result<Estimate> {
    median_interval(&paired_rounds(ours, theirs, times)?).context("no rounds")
}

/// Returns `ours ÷ theirs` of each of these rounds.
pub fn paired_rounds<'a>(
    ours: impl Fn() -> Result<Once<'a>>,
    theirs: impl Fn() -> Result<Once<'a>>,
    times: u32,
) -> Result<Vec<f64>> {
    let time = |side: &mut Once| -> Result<f64> {
        let start = Instant::now();
        for _ in 0..times {
            side()?;
        }
        Ok(start.elapsed().as_secs_f64())
    };
    let measure = |round| {
        let (mut ours, mut theirs) = (ours()?, theirs()?);
        // Warm, so that neither pays for the first touch of its memory.
        ours()?;
        theirs()?;
        let (a, b) = if round % 2 == 0 {
            let first = time(&mut ours)?;
            let b = time(&mut theirs)? + time(&mut theirs)?;
            (first + time(&mut ours)?, b)
        } else {
            let first = time(&mut theirs)?;
            let a = time(&mut ours)? + time(&mut ours)?;
            (a, first + time(&mut theirs)?)
        };
        Ok(a / b)
    };
    (0..ROUNDS).map(measure).collect()
}

/// Returns a side whose instance gets the same message again and again.
fn calls<'a>(mut agent: Box<dyn Agent>, message: &'a Message) -> Once<'a> {
    Box::new(move || exchange(agent.as_mut(), message))
}

/// Measures a call: sandlab-runtime ÷ hand-written wasmtime.
pub fn call(parameters: Parameters) -> Result<Estimate> {
    let echo = Echo::load(&SandboxConfig::default())?;
    let message = parameters.message();
    paired(
        || Ok(calls(echo.ours()?, &message)),
        || {
            let (mut agent, message) = (echo.by_hand()?, &message);
            Ok(Box::new(move || exchange_by_hand(&mut agent, message)))
        },
        5_000,
    )
}

/// Measures a call: on a fiber ÷ on the caller's stack.
pub fn fiber(parameters: Parameters) -> Result<Estimate> {
    let on_fiber = Echo::load(&SandboxConfig { calls: Calls::Async, ..SandboxConfig::default() })?;
    let on_stack = Echo::load(&SandboxConfig::default())?;
    let message = parameters.message();
    paired(
        || Ok(calls(on_fiber.ours()?, &message)),
        || Ok(calls(on_stack.ours()?, &message)),
        5_000,
    )
}
