//! sandlab's own samples in the bench protocol: what its runtime takes for a start and for
//! messages, of one process.

use super::median;
use super::metrics::{identity, of_case};
use crate::Result;
use crate::bundle::Subject;
use crate::metrics::Identity;
use crate::record::RoundSettings;
use crate::sampling::backends;
use crate::sampling::compiling::compile;
use crate::sampling::interleave::{calibrate, verify};
use crate::sampling::process_memory::proportional;
use crate::sampling::setup::{self, Loaded, Side};
use crate::sampling::timing::slice;
use crate::workload::Case;
use sandlab_runtime::{BackendKind, SandboxConfig};
use serde_json::json;
use std::time::{Duration, Instant};

/// Fresh instances of each case.
const INSTANCES: usize = 5;

/// Starts, one after another, of which the first find their code not yet in memory.
const STARTS: usize = 101;

/// Slices of each instance.
const SLICES: usize = 4;

/// Instances that live together while their memory is read: fewer than the pool's slots.
const RESIDENTS: usize = 50;

/// Returns a line of the bench protocol per metric, with its median over fresh instances. With
/// `before`, also of what comes before the first message: the time to compile the component, and
/// the memory of an instance.
///
/// # Errors
/// If the agent does not load, or does not do what it must.
pub fn sample(
    subject: &Subject,
    sandbox: &SandboxConfig,
    seed: u64,
    before: bool,
) -> Result<Vec<String>> {
    let cases = setup::cases(subject, seed)?;
    let mut sandbox = sandbox.clone();
    sandbox.allocation.slots = sandbox.allocation.slots.min(64);
    let loaded = backends::load(subject, &[BackendKind::Wasm], &sandbox, &cases)?;
    let side = &loaded.sides[0];
    let settings = RoundSettings { slice: Duration::from_micros(500), ..RoundSettings::default() };
    let mut lines = Vec::new();
    if before {
        // First, since a slot of the pool that was used keeps some of its memory, and the compiler
        // leaves a heap behind that others then fill.
        if let Some(bytes) = memory(&loaded, side, &cases[0])? {
            lines.push(line(&loaded.agent, identity("memory"), &mut [bytes]));
        }
        let (_, took) = compile(subject, &sandbox)?;
        lines.push(line(&loaded.agent, identity("compile"), &mut [took.as_nanos() as f64]));
    }
    for case in &cases {
        let mut times = Vec::new();
        for _ in 0..INSTANCES {
            let mut agent = loaded.start(side, case)?;
            verify(&loaded, side, agent.as_mut(), case)?;
            let cycles = calibrate(&loaded, side, agent.as_mut(), case, &settings)?;
            for _ in 0..SLICES {
                let slice = slice(agent.as_mut(), case, cycles)
                    .map_err(|error| loaded.failed(side, "while it was timed", error))?;
                times.push(slice.ns);
            }
        }
        lines.push(line(&loaded.agent, of_case("time", case), &mut times));
    }
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        let start = Instant::now();
        let instance = loaded.start(side, &cases[0])?;
        starts.push(start.elapsed().as_nanos() as f64);
        drop(instance);
    }
    lines.push(line(&loaded.agent, identity("spawn"), &mut starts));
    Ok(lines)
}

/// Returns the memory that one of many instances takes after its first messages, bytes; `None` where
/// the kernel does not say.
fn memory(loaded: &Loaded, side: &Side, case: &Case) -> Result<Option<f64>> {
    let start = || {
        let mut agent = loaded.start(side, case)?;
        verify(loaded, side, agent.as_mut(), case)?;
        Ok(agent)
    };
    // What all of them share comes with the first.
    let _first = start()?;
    let before = proportional();
    let residents: Result<Vec<_>> = (0..RESIDENTS).map(|_| start()).collect();
    let _residents = residents?;
    let grown = proportional().zip(before).map(|(after, before)| after.saturating_sub(before));
    Ok(grown.filter(|bytes| *bytes > 0).map(|bytes| bytes as f64 / RESIDENTS as f64))
}

fn line(agent: &str, metric: Identity, values: &mut [f64]) -> String {
    let Identity { name, unit, better } = metric;
    let (name, value) = (format!("{agent}/{name}"), median(values));
    json!({"metric": name, "value": value, "unit": unit, "better": better}).to_string() + "\n"
}
