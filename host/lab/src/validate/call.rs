//! Stage 7: one call: its reply, its memory, and every refused request; and a configuration.

use super::budget::{judge, judge_samples, percentile};
use super::code::Code;
use super::finding::{Check, Finding};
use super::measure::Measure;
use super::policy::Policy;
use crate::printable::printable;
use crate::workload::Case;
use sandlab_runtime::{Agent, Backend, CallError, Cause, Handled, LogLine, Message};
use std::time::{Duration, Instant};

/// Timed calls, each on a fresh instance, if there is time for so many.
const TIMED: usize = 9;

/// Sends the first message of the case to a fresh instance.
///
/// # Errors
/// If the host, and not the guest, failed.
pub fn check(
    guest: &dyn Backend,
    case: &Case,
    policy: &Policy,
    timed: bool,
) -> Result<Vec<Check>, String> {
    let Some(exchange) = case.exchanges.first() else {
        return Ok(vec![Check::skipped("answers", "there is no message to send")]);
    };
    let mut agent = match start(guest, case) {
        Ok(agent) => agent,
        Err(error) => return Ok(vec![answers(&error, "configure", &[])?]),
    };
    let outcome = agent.handle(&exchange.request);
    let (log, usage) = (agent.take_log(), agent.usage());
    let mut checks = Vec::new();
    let handled = match outcome {
        Ok(handled) => {
            let check = Check::of("answers", Vec::new());
            let denied = log.iter().find(|line| line.text.starts_with("outgoing HTTP denied"));
            checks.push(match denied {
                Some(line) => check.with_note(printable(&line.text)),
                None => check,
            });
            handled
        }
        Err(error) => {
            let check = answers(&error, "handle", &log)?;
            let has_ended = error.fault().is_some();
            checks.push(check);
            if has_ended {
                return Ok(checks);
            }
            Handled::default()
        }
    };
    checks.push(Check::of("denials", denials(&usage)));
    let peak = usage.memory_peak.unwrap_or_default();
    let content: usize = handled.replies.iter().map(|reply| reply.content.len()).sum();
    for (measure, value) in [
        (Measure::MemoryPeak, peak),
        (Measure::ReplySize, content as u64),
        (Measure::Replies, handled.replies.len() as u64),
        (Measure::LogLines, log.len() as u64),
        (Measure::Sends, handled.sent.len() as u64),
    ] {
        checks.push(judge(policy, measure, value, Code::OverCall));
    }
    checks.push(if timed {
        let mut samples = times(guest, case, &exchange.request, policy.timing.repeating)?;
        let median = percentile(&mut samples, 0.5);
        judge_samples(policy, Measure::CallTime, median, samples, Code::OverCall)
    } else {
        Check::skipped(Measure::CallTime.name(), "timing is turned off")
    });
    Ok(checks)
}

/// Configures a fresh instance with nothing. It may refuse that, and must survive it.
///
/// # Errors
/// If the host, and not the guest, failed.
pub fn configures(guest: &dyn Backend, case: &Case) -> Result<Check, String> {
    let started = guest.spawn(case.identity()).map_err(CallError::from);
    let outcome = started.and_then(|mut agent| agent.configure(&[]));
    let check = |findings| Check::of("configure", findings);
    Ok(match outcome {
        Err(error) if error.fault().is_some() => {
            let mut finding = ended(&error, "configure, with an empty configuration")?;
            if finding.code == Code::CallFault {
                let remedy = "Return a failure for a configuration that it cannot read, or add a \
                              case with one that it needs";
                remedy.clone_into(&mut finding.remedy);
            }
            check(vec![finding])
        }
        Err(failure) => check(Vec::new()).with_note(format!("an empty configuration: {failure}")),
        Ok(_) => check(Vec::new()),
    })
}

/// Starts an instance and configures it for a case.
pub fn start(backend: &dyn Backend, case: &Case) -> Result<Box<dyn Agent>, CallError> {
    let mut agent = backend.spawn(case.identity())?;
    if !case.config.is_empty() {
        agent.configure(&case.config)?;
    }
    Ok(agent)
}

fn times(
    guest: &dyn Backend,
    case: &Case,
    request: &Message,
    most: Duration,
) -> Result<Vec<u64>, String> {
    let all = Instant::now();
    let mut times = Vec::new();
    while times.len() < TIMED && (times.is_empty() || all.elapsed() < most) {
        let mut agent = start(guest, case).map_err(|error| error.to_string())?;
        let started = Instant::now();
        // The reply was checked before; a failure takes time too.
        let _ = agent.handle(request);
        times.push(started.elapsed().as_nanos() as u64);
    }
    Ok(times)
}

fn answers(error: &CallError, step: &str, log: &[LogLine]) -> Result<Check, String> {
    let finding = ended(error, step)?;
    let check = Check::of("answers", vec![finding]);
    let last = log.last().map(|line| format!("last line of its log: {}", line.text));
    Ok(match last {
        Some(last) => check.with_note(last),
        None => check,
    })
}

/// Returns the finding for a call that failed.
///
/// # Errors
/// If the host, and not the guest, failed.
pub fn ended(error: &CallError, place: &str) -> Result<Finding, String> {
    let (code, remedy) = match error.cause() {
        None => (Code::Answered, "Add a case with a message that it accepts"),
        Some(Cause::Host(_) | Cause::NoSlot(_)) => return Err(error.to_string()),
        Some(Cause::Deadline(_)) => {
            (Code::CallTime, "Do less work per message, or raise `limits.deadline`")
        }
        Some(Cause::OutOfMemory { .. }) => {
            (Code::CallMemory, "Reduce its memory, or raise `limits.memory-limit`")
        }
        Some(_) => (Code::CallFault, "Fix the fault that is quoted"),
    };
    Ok(Finding::new(code, place, remedy).found(printable(&error.to_string())))
}

fn denials(usage: &sandlab_runtime::Usage) -> Vec<Finding> {
    let counted = [
        (
            Code::Refused,
            usage.denials.map_or(0, |denials| denials.count),
            "request for memory",
            "requests for memory",
            "Raise `limits.memory-limit`, or reduce its memory",
        ),
        (
            Code::LogDropped,
            usage.log_dropped,
            "log line",
            "log lines",
            "Log less, or raise `limits.log`",
        ),
        (
            Code::SendRefused,
            u64::from(usage.sends_refused),
            "sent message",
            "sent messages",
            "Send only to agents that `find` returns, and fewer per call",
        ),
    ];
    let refused = counted.into_iter().filter(|(_, count, ..)| *count > 0);
    let findings = refused.map(|(code, count, one, what, remedy)| {
        let what = if count == 1 { one } else { what };
        let verb = if count == 1 { "was" } else { "were" };
        Finding::new(code, "handle", remedy).found(format!("{count} {what} {verb} refused"))
    });
    findings.collect()
}
