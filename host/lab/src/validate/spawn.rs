//! Stage 6: whether instances start, and how fast.

use super::budget::{judge_samples, percentile};
use super::code::Code;
use super::finding::{Check, Finding};
use super::measure::Measure;
use super::policy::Policy;
use sandlab_runtime::wasm::Sandbox;
use sandlab_runtime::{Backend, Cause, Fault, Identity};
use std::time::Instant;

/// Starts instances one after another, `timing.spawns` of them if they are timed.
///
/// # Errors
/// If the host, and not the guest, failed.
pub fn check(sandbox: &Sandbox, policy: &Policy, timed: bool) -> Result<Vec<Check>, String> {
    let spawns = if timed { policy.timing.spawns } else { 1 };
    let mut samples = Vec::new();
    for number in 1..=spawns {
        let started = Instant::now();
        if let Err(fault) = sandbox.spawn(Identity::alone()) {
            return Ok(vec![Check::of("starts", vec![not_spawned(&fault, number)?])]);
        }
        samples.push(started.elapsed().as_nanos() as u64);
    }
    let mut checks = vec![Check::of("starts", Vec::new())];
    for (measure, share) in [(Measure::SpawnP50, 0.5), (Measure::SpawnP95, 0.95)] {
        checks.push(if timed {
            let value = percentile(&mut samples, share);
            judge_samples(policy, measure, value, samples.clone(), Code::OverSpawn)
        } else {
            Check::skipped(measure.name(), "timing is turned off")
        });
    }
    Ok(checks)
}

fn not_spawned(fault: &Fault, number: u32) -> Result<Finding, String> {
    let (code, remedy) = match &fault.cause {
        Cause::Host(_) | Cause::NoSlot(_) => return Err(fault.to_string()),
        Cause::Deadline(_) => (Code::SpawnTime, "Do less at start, or raise `limits.deadline`"),
        _ => {
            (Code::NotSpawned, "Fix the fault that is quoted; its limits are those under [limits]")
        }
    };
    let place = format!("instance {number}");
    Ok(Finding::new(code, place, remedy).found(fault.to_string()))
}
