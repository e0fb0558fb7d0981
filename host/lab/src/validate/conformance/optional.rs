//! The optional interfaces, wherever the guest exports them: `batch` and `parcels` must answer as
//! `handle` does, and an instance with a restored state as the one that it was taken from.

use super::answer::{self, Answer, Difference};
use super::{Subject, messages, rules};
use crate::validate::call;
use crate::validate::code::Code;
use crate::validate::finding::{Check, Finding};
use crate::workload::Case;
use sandlab_runtime::{Agent, Backend, Batch, CallError, Handled, Interface, Message};
use std::time::{Duration, Instant};

/// Messages of one call of `batch`, at most, and bytes of them and of their replies: all pass the
/// boundary at once.
const BATCH: usize = 32;
const BYTES: usize = 256 << 10;

/// Time that the messages of one batch may take one by one: all share one call's deadline.
const TIME: Duration = Duration::from_millis(500);

/// Calls every optional interface that the guest exports, with the messages of its cases and the
/// general ones.
///
/// # Errors
/// If the host, and not the guest, failed.
pub fn check(subject: &Subject, cases: &[&Case], seed: u64) -> Result<Vec<Check>, String> {
    let mut checks = Vec::new();
    for interface in Interface::ALL {
        if subject.guest.offers(interface).is_err() {
            continue;
        }
        let name = interface.name();
        if !subject.repeatable {
            let why = "the policy says that its replies differ each time";
            checks.push(Check::skipped(name, why));
            continue;
        }
        let general: Vec<Message> =
            messages::general(seed).into_iter().map(|(_, message)| message).collect();
        // What one instance writes in a directory, another one would find there.
        let own = cases.iter().filter(|case| !case.directory);
        let own = own.map(|case| {
            let requests = case.exchanges.iter().map(|exchange| exchange.request.clone());
            (*case, requests.collect::<Vec<_>>())
        });
        let all = own.chain([(subject.configured, general)]);
        let (mut findings, mut skipped) = (Vec::new(), None);
        for (case, requests) in all {
            if subject.clock.is_over() {
                skipped = Some(subject.clock.why());
                break;
            }
            findings.extend(match interface {
                Interface::Batch => batch(subject, case, &requests)?,
                Interface::State => state(subject, case, &requests)?,
                Interface::Parcels => parcels(subject, case, &requests)?,
            });
        }
        let check = Check::of(name, findings);
        checks.push(skipped.map_or(check.clone(), |why| check.with_note(why)));
    }
    Ok(checks)
}

/// The answers of a fresh instance to messages one by one, up to a fault.
struct Plain {
    requests: Vec<Message>,
    answers: Vec<Answer>,
}

/// Sends a fresh instance the first of the messages, as many as one batch may have.
fn plain(backend: &dyn Backend, case: &Case, requests: &[Message]) -> Result<Plain, String> {
    let mut plain = Plain { requests: Vec::new(), answers: Vec::new() };
    let Ok(mut agent) = call::start(backend, case) else {
        // That it does not start is told elsewhere.
        return Ok(plain);
    };
    let (started, mut bytes) = (Instant::now(), 0);
    for request in requests.iter().take(BATCH) {
        bytes += request.content.len();
        if bytes > BYTES || started.elapsed() > TIME {
            break;
        }
        let answer = Answer::of(agent.handle(request))?;
        match &answer {
            Answer::Fault(_) => break,
            Answer::Handled(handled) => {
                let replied = handled.replies.iter().chain(&handled.sent);
                bytes += replied.map(|message| message.content.len()).sum::<usize>();
            }
            Answer::Failure(_) => {}
        }
        plain.requests.push(request.clone());
        plain.answers.push(answer);
    }
    Ok(plain)
}

fn batch(subject: &Subject, case: &Case, requests: &[Message]) -> Result<Vec<Finding>, String> {
    let plain = plain(subject.guest, case, requests)?;
    let mut findings = Vec::new();
    for end in [plain.requests.len(), 0] {
        let (requests, answers) = (&plain.requests[..end], &plain.answers[..end]);
        let place = format!("a batch of {end}");
        let ours = called(subject.guest, case, &place, |agent| agent.handle_batch(requests))?;
        let ours = match ours {
            Ok(ours) => ours,
            Err(finding) => {
                findings.extend(finding);
                continue;
            }
        };
        findings.extend(unlike_plain(&ours, answers, &place));
        for (request, result) in requests.iter().zip(&ours.results) {
            let replies = result.as_deref().unwrap_or_default();
            findings.extend(rules::broken(request, replies, &place, subject.language));
        }
        let twin = subject.twin.filter(|twin| twin.offers(Interface::Batch).is_ok());
        if let Some(twin) = twin
            && let Ok(theirs) = called(twin, case, &place, |agent| agent.handle_batch(requests))?
        {
            let difference = between(&ours, &theirs);
            findings.extend(difference.map(|found| subject.not_its_twin(found, &place)));
        }
    }
    Ok(findings)
}

/// Returns the difference of a batch from the same messages one by one.
fn unlike_plain(batch: &Batch, plain: &[Answer], place: &str) -> Option<Finding> {
    let (wanted, found) = (plain.len(), batch.results.len());
    let as_plain = |answer: &Answer| match answer {
        Answer::Handled(handled) => Ok(handled.replies.clone()),
        Answer::Failure(failure) => Err(failure.clone()),
        Answer::Fault(_) => Ok(Vec::new()),
    };
    // What a message sent that then failed is discarded alone, and delivered in a batch.
    let has_failed = plain.iter().any(|answer| matches!(answer, Answer::Failure(_)));
    let sent = plain.iter().filter_map(|answer| match answer {
        Answer::Handled(handled) => Some(handled.sent.clone()),
        _ => None,
    });
    let sent = if has_failed { batch.sent.clone() } else { sent.flatten().collect() };
    let theirs = Batch { results: plain.iter().map(as_plain).collect(), sent };
    let difference = match wanted == found {
        true => between(batch, &theirs),
        false => Some(Difference {
            what: "the number of results".to_owned(),
            wanted: format!("{wanted}, one a message"),
            found: found.to_string(),
        }),
    };
    difference.map(|found| {
        let remedy = "Answer each message of a batch as `handle` would, at its index";
        found.finding(Code::NotAsHandle, place, remedy)
    })
}

fn between(ours: &Batch, theirs: &Batch) -> Option<Difference> {
    let answer = |result: &Result<Vec<Message>, _>| match result {
        Ok(replies) => Answer::Handled(Handled { replies: replies.clone(), sent: Vec::new() }),
        Err(failure) => Answer::Failure(sandlab_runtime::Failure::clone(failure)),
    };
    let pairs = ours.results.iter().zip(&theirs.results).zip(1..);
    let first = pairs.into_iter().find_map(|((ours, theirs), number)| {
        let found = answer(ours).difference(&answer(theirs))?;
        Some(Difference { what: format!("{} of result {number}", found.what), ..found })
    });
    first.or_else(|| answer::of_messages("sent message", &ours.sent, &theirs.sent))
}

fn parcels(subject: &Subject, case: &Case, requests: &[Message]) -> Result<Vec<Finding>, String> {
    let plain = plain(subject.guest, case, requests)?;
    let Ok(mut agent) = call::start(subject.guest, case) else {
        return Ok(Vec::new());
    };
    let twin = subject.twin.filter(|twin| twin.offers(Interface::Parcels).is_ok());
    let mut twin = twin.and_then(|twin| call::start(twin, case).ok());
    let mut findings = Vec::new();
    for ((request, plain), number) in plain.requests.iter().zip(&plain.answers).zip(1..) {
        let place = format!("parcel {number}");
        let ours = Answer::of(agent.handle_parcel(request.clone()))?;
        findings.extend(ours.findings(request, &place, subject.language));
        if matches!(ours, Answer::Fault(_)) {
            break;
        }
        findings.extend(ours.difference(plain).map(|found| {
            let remedy = "Answer a parcel as `handle` would answer the message with its content";
            found.finding(Code::NotAsHandle, &place, remedy)
        }));
        if let Some(agent) = &mut twin {
            let theirs = Answer::of(agent.handle_parcel(request.clone()))?;
            match theirs {
                Answer::Fault(_) => twin = None,
                theirs => {
                    let difference = ours.difference(&theirs);
                    findings.extend(difference.map(|found| subject.not_its_twin(found, &place)));
                }
            }
        }
    }
    Ok(findings)
}

/// Sends one instance all messages, and others only the second half, after they were restored to
/// its state before. A restore that fails must change nothing.
fn state(subject: &Subject, case: &Case, requests: &[Message]) -> Result<Vec<Finding>, String> {
    let plain = plain(subject.guest, case, requests)?;
    let half = plain.requests.len() / 2;
    let (first, second) = plain.requests.split_at(half);
    let Ok(mut agent) = call::start(subject.guest, case) else {
        return Ok(Vec::new());
    };
    for request in first {
        Answer::of(agent.handle(request))?;
    }
    let place = format!("after {half} messages");
    let saved = match state_of(agent.as_mut(), &place)? {
        Ok(saved) => saved,
        Err(finding) => return Ok(vec![finding]),
    };
    let mut findings = Vec::new();
    let resumed = format!("{place}, after `restore`");
    let mut other = match restored(subject.guest, case, &saved, &resumed)? {
        Ok(agent) => agent,
        Err(finding) => return Ok(vec![finding]),
    };
    // A restored state can be saved, and restored, again.
    let again = format!("{place}, after `restore` twice");
    let twice = match state_of(other.as_mut(), &again)? {
        Ok(saved) => restored(subject.guest, case, &saved, &again)?,
        Err(finding) => Err(finding),
    };
    let damaged = [&saved[..saved.len() / 2], b"\xffdamaged"].concat();
    let rejects = matches!(agent.restore(&damaged), Err(CallError::Failure(_)));
    let mut instances = vec![(resumed, other)];
    match twice {
        Ok(agent) => instances.push((again, agent)),
        Err(finding) => findings.push(finding),
    }
    // An agent that takes any bytes for a state has none to keep.
    if rejects {
        instances.push((format!("{place}, after a `restore` that failed"), agent));
    }
    let answers = &plain.answers[half..];
    for (place, mut agent) in instances {
        for (request, wanted) in second.iter().zip(answers) {
            let found = Answer::of(agent.handle(request))?;
            if let Some(difference) = found.difference(wanted) {
                let remedy = "Put into the state whatever a later reply depends on";
                findings.push(difference.finding(Code::StateLost, &place, remedy));
                break;
            }
        }
    }
    Ok(findings)
}

/// Saves an instance's state.
fn state_of(agent: &mut dyn Agent, place: &str) -> Result<Result<Vec<u8>, Finding>, String> {
    let place = format!("`checkpoint`, {place}");
    Ok(match agent.checkpoint() {
        Ok(saved) => Ok(saved),
        Err(error) => Err(not_done(error, &place)?),
    })
}

/// Starts an instance with this state.
fn restored(
    backend: &dyn Backend,
    case: &Case,
    saved: &[u8],
    place: &str,
) -> Result<Result<Box<dyn Agent>, Finding>, String> {
    let started = call::start(backend, case);
    let restored = started.and_then(|mut agent| agent.restore(saved).map(|()| agent));
    Ok(match restored {
        Ok(agent) => Ok(agent),
        Err(error) => Err(not_done(error, place)?),
    })
}

fn not_done(error: CallError, place: &str) -> Result<Finding, String> {
    let remedy = "Save and restore the state at any time between two messages";
    let (code, found) = match Answer::of(Err(error))? {
        Answer::Fault(fault) => (Code::CaseFault, fault.to_string()),
        other => (Code::StateLost, other.description()),
    };
    Ok(Finding::new(code, place, remedy).found(found))
}

/// Calls a fresh instance. `Err` with a finding if it ended, and with none if it did not start.
fn called<R>(
    backend: &dyn Backend,
    case: &Case,
    place: &str,
    call: impl FnOnce(&mut dyn Agent) -> Result<R, CallError>,
) -> Result<Result<R, Option<Finding>>, String> {
    let Ok(mut agent) = call::start(backend, case) else {
        return Ok(Err(None));
    };
    match call(agent.as_mut()) {
        Ok(done) => Ok(Ok(done)),
        Err(error) => {
            let description = match Answer::of(Err(error))? {
                Answer::Fault(fault) => fault.to_string(),
                other => other.description(),
            };
            let remedy = "Fix the fault that is quoted: alone these messages are handled";
            let finding = Finding::new(Code::CaseFault, place, remedy).found(description);
            Ok(Err(Some(finding)))
        }
    }
}
