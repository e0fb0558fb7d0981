//! Stage 6: whether instances start, and how fast.

use super::budget::{judge_samples, percentile};
use super::code::Code;
use super::finding::{Check, Finding};
use super::measure::Measure;
use super::policy::Policy;
use sandlab_runtime::{Backend, Cause, Fault, Identity};
use std::time::Instant;

/// The 95th percentile of fewer samples is the slowest of them.
const FEWEST_FOR_P95: usize = 20;

/// Starts instances one after another, `timing.spawns` of them if they are timed, or as many as
/// there is time for: how often it is started is not the guest's fault.
///
/// # Errors
/// If the host, and not the guest, failed.
pub fn check(guest: &dyn Backend, policy: &Policy, timed: bool) -> Result<Vec<Check>, String> {
    let spawns = if timed { policy.timing.spawns } else { 1 };
    let mut samples = Vec::new();
    let all = Instant::now();
    for number in 1..=spawns {
        if number > 1 && all.elapsed() > policy.timing.repeating {
            break;
        }
        let started = Instant::now();
        if let Err(fault) = guest.spawn(Identity::alone()) {
            return Ok(vec![Check::of("starts", vec![not_spawned(&fault, number)?])]);
        }
        samples.push(started.elapsed().as_nanos() as u64);
    }
    let mut checks = vec![Check::of("starts", Vec::new())];
    let count = samples.len();
    let fewer = format!("{count} of {spawns} starts within {:?}", policy.timing.repeating);
    let is_fewer = count < spawns as usize;
    for (measure, share, fewest) in
        [(Measure::SpawnP50, 0.5, 1), (Measure::SpawnP95, 0.95, FEWEST_FOR_P95)]
    {
        checks.push(if !timed {
            Check::skipped(measure.name(), "timing is turned off")
        } else if is_fewer && count < fewest {
            let median = percentile(&mut samples, 0.5);
            let judged = judge_samples(policy, measure, median, samples.clone(), Code::OverSpawn);
            let why = format!("{fewer}, and it needs {fewest}: raise `timing.repeating`");
            match policy.budgets.contains_key(&measure) {
                // What half of the starts exceed, the slowest twentieth does.
                true if !judged.findings.is_empty() => {
                    judged.with_note(format!("the median of {fewer}"))
                }
                true => Check::skipped(format!("budget of {measure}"), why),
                false => Check::skipped(measure.name(), why),
            }
        } else {
            let value = percentile(&mut samples, share);
            let check = judge_samples(policy, measure, value, samples.clone(), Code::OverSpawn);
            if is_fewer { check.with_note(&fewer) } else { check }
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
