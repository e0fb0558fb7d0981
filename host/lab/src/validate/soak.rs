//! Stage 9: whether memory grows with every call.

use super::call;
use super::code::Code;
use super::finding::{Check, Finding};
use super::policy::Policy;
use crate::workload::Case;
use bytesize::ByteSize;
use sandlab_runtime::wasm::Sandbox;
use sandlab_runtime::{CallError, Message};
use std::time::Instant;

/// Fewer calls show no trend.
const FEWEST: usize = 64;

/// Windows into which the last half is divided. A heap that doubles, or a collector that lets
/// garbage gather, grows in some of them; a leak grows in each.
const WINDOWS: usize = 8;

/// Sends one message repeatedly to one instance and reads its memory after each call.
///
/// # Errors
/// If the host, and not the guest, failed.
pub fn check(
    sandbox: &Sandbox,
    case: &Case,
    message: &Message,
    policy: &Policy,
) -> Result<Vec<Check>, String> {
    let soak = &policy.soak;
    let mut agent = match call::start(sandbox, case) {
        Ok(agent) => agent,
        Err(error) => return Ok(vec![ended(&error, 0)?]),
    };
    let started = Instant::now();
    let mut memory = Vec::new();
    for number in 0..soak.calls {
        match agent.handle(message) {
            Err(error) if error.fault().is_some() => return Ok(vec![ended(&error, number)?]),
            _ => memory.push(agent.usage().memory.unwrap_or_default()),
        }
        if started.elapsed() > soak.time {
            break;
        }
    }
    if memory.len() < FEWEST {
        let why = format!(
            "{} calls took {:?}, and a trend needs {FEWEST}: raise `soak.time`",
            memory.len(),
            soak.time
        );
        return Ok(vec![Check::skipped("plateau", why)]);
    }
    let size = ByteSize::b(message.content.len() as u64);
    let last = ByteSize::b(memory.last().copied().unwrap_or_default());
    let note = format!("{} calls of {size}; {last} of memory at the end", memory.len());
    let finding = leak(&memory).map(|per_call| {
        let half = memory.len() / 2;
        let remedy = "Look for what keeps the message, its reply, or data made from them: a \
                      binding that does not free, a list that only grows";
        Finding::new(Code::Grows, format!("calls {half} to {}", memory.len()), remedy)
            .wanted("a plateau")
            .found(format!("{} more per call", ByteSize::b(per_call)))
    });
    Ok(vec![Check::of("plateau", finding.into_iter().collect()).with_note(note)])
}

/// Returns the bytes per call by which memory grew over the last half; `None` unless it grew in
/// every window.
fn leak(memory: &[u64]) -> Option<u64> {
    let half = memory.get(memory.len() / 2..)?;
    let window = half.len() / WINDOWS;
    let ends = (0..=WINDOWS).map(|index| half.get((index * window).min(half.len() - 1)));
    let ends: Vec<u64> = ends.map(|end| end.copied()).collect::<Option<_>>()?;
    let grows = ends.windows(2).all(|pair| pair[1] > pair[0]);
    let grown = ends.last()?.saturating_sub(*ends.first()?);
    grows.then(|| grown / half.len() as u64)
}

fn ended(error: &CallError, number: u32) -> Result<Check, String> {
    let mut finding = call::ended(error, &format!("call {}", number + 1))?;
    finding.code = Code::SoakFault;
    finding.severity = finding.code.severity();
    Code::SoakFault.title().clone_into(&mut finding.message);
    Ok(Check::of("plateau", vec![finding]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grows_with_each_call_is_a_leak_and_a_plateau_is_none() {
        let page = |bytes: u64| bytes.next_multiple_of(65_536);
        let leaking: Vec<u64> = (0..1_000).map(|call| page(call * 4_000)).collect();
        assert!((3_500..4_500).contains(&leak(&leaking).unwrap()));
        let settled: Vec<u64> = (0..1_000).map(|call| page(call.min(400) * 4_000)).collect();
        assert_eq!(leak(&settled), None);
        let doubling: Vec<u64> =
            (0..1_000_u64).map(|call| page((call * 100).next_power_of_two())).collect();
        assert_eq!(leak(&doubling), None);
        let late = |call: u64| if call < 990 { 0 } else { 1 << 20 };
        assert_eq!(leak(&(0..1_000).map(late).collect::<Vec<_>>()), None);
        let collected: Vec<u64> = (0..1_000_u64).map(|call| page(call % 300 * 5_000)).collect();
        assert_eq!(leak(&collected), None);
    }
}
