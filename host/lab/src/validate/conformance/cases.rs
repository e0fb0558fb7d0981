//! The guest's own cases and those that the user adds, in their order, since one message may build
//! on another.

use super::answer::{self, Answer};
use super::{Subject, rules};
use crate::validate::call;
use crate::validate::code::Code;
use crate::validate::finding::Finding;
use crate::workload::{Case, FailureKind, Refusal};
use sandlab_runtime::{Agent, Backend, CallError, Cause, Handled};

/// Sends one instance the messages of a case in their order, and one of the twin the same.
///
/// # Errors
/// If the host, and not the guest, failed.
pub fn wrong_replies(subject: &Subject, case: &Case) -> Result<Vec<Finding>, String> {
    let at = |number: usize| match case.size {
        Some(size) => format!("messages of {size} B, number {}", number + 1),
        None => format!("message {}", number + 1),
    };
    // All of the twin's first: the two can share a directory.
    let twins = subject.twin.map(|twin| replies_of(twin, case)).unwrap_or_default();
    let mut agent = match call::start(subject.guest, case) {
        Ok(agent) => agent,
        Err(error) => return Ok(vec![fault(&error, "configure")?]),
    };
    let mut theirs = twins.into_iter();
    let mut findings = Vec::new();
    let mut refusals = case.refusals.iter().peekable();
    for (number, exchange) in case.exchanges.iter().enumerate() {
        while let Some(refusal) = refusals.next_if(|refusal| refusal.after <= number) {
            findings.extend(not_refused(agent.as_mut(), refusal)?);
        }
        let is_open = exchange.expected.is_open();
        let (theirs, place) = (theirs.next(), at(number));
        let ours = agent.handle(&exchange.request);
        let ends = is_fault(&ours);
        match &ours {
            Ok(handled) => {
                // Where no reply is specified, the twin's is the expected one.
                let wrong = match is_open && theirs.is_some() {
                    true => None,
                    false => exchange.expected.check(handled).err(),
                };
                findings.extend(wrong.map(|reason| {
                    let remedy = "Compare the agent's reply with the expected one";
                    Finding::new(Code::WrongReply, &place, remedy).found(reason)
                }));
                let wrong = exchange.fields.wrong(&handled.replies);
                findings.extend(wrong.into_iter().map(|wrong| {
                    let place = format!("{} of reply {}, {place}", wrong.field, wrong.reply);
                    Finding::new(Code::WrongReply, place, "Set it as the case states")
                        .wanted(wrong.wanted)
                        .found(wrong.found)
                }));
                let request = &exchange.request;
                findings.extend(rules::broken(request, &handled.replies, &place, subject.language));
            }
            // An agent without a specified reply may refuse the message.
            Err(CallError::Failure(_)) if is_open => {}
            Err(error) => findings.push(fault(error, &place)?),
        }
        if ends {
            break;
        }
        if let Some(theirs) = theirs {
            let difference = Answer::of(ours)?.difference(&Answer::of(theirs)?);
            findings.extend(difference.map(|found| subject.not_its_twin(found, &place)));
        }
    }
    for refusal in refusals {
        findings.extend(not_refused(agent.as_mut(), refusal)?);
    }
    Ok(findings)
}

/// Sends a message that must be answered with a failure.
fn not_refused(agent: &mut dyn Agent, refusal: &Refusal) -> Result<Option<Finding>, String> {
    let place = format!("line {}", refusal.line);
    let found = match Answer::of(agent.handle(&refusal.request))? {
        Answer::Failure(failure) if FailureKind::of(&failure) == refusal.failure => {
            return Ok(None);
        }
        Answer::Fault(fault) => {
            let finding = Finding::new(Code::CaseFault, place, "Fix the fault that is quoted");
            return Ok(Some(finding.found(fault.to_string())));
        }
        other => other.description(),
    };
    let remedy = "Return the failure that the case states";
    let wanted = format!("the failure `{}`", refusal.failure.name());
    Ok(Some(Finding::new(Code::WrongReply, place, remedy).wanted(wanted).found(found)))
}

/// Returns what a twin answers to the messages of a case, up to the one that ends it. Whether it
/// can be configured is its author's matter.
fn replies_of(twin: &dyn Backend, case: &Case) -> Vec<Result<Handled, CallError>> {
    let Ok(mut twin) = call::start(twin, case) else {
        return Vec::new();
    };
    let mut refusals = case.refusals.iter().peekable();
    let answers = case.exchanges.iter().enumerate().map(|(number, exchange)| {
        // They may change its state; whether it refuses them is its author's matter.
        while let Some(refusal) = refusals.next_if(|refusal| refusal.after <= number) {
            let _ = twin.handle(&refusal.request);
        }
        twin.handle(&exchange.request)
    });
    answers.take_while(|answer| !is_fault(answer)).collect()
}

fn is_fault<T>(outcome: &Result<T, CallError>) -> bool {
    outcome.as_ref().is_err_and(|error| error.fault().is_some())
}

fn fault(error: &CallError, place: &str) -> Result<Finding, String> {
    let code = match error.cause() {
        None => Code::WrongReply,
        Some(Cause::Host(_) | Cause::NoSlot(_)) => return Err(error.to_string()),
        Some(_) => Code::CaseFault,
    };
    Ok(Finding::new(code, place, "Fix the fault that is quoted").found(error.to_string()))
}

impl Subject<'_> {
    /// Returns the finding that guest and twin differ so.
    pub(super) fn not_its_twin(&self, found: answer::Difference, place: &str) -> Finding {
        let remedy = match self.is_reference {
            true => "Compare it with the reference's: the contract and its messages are the same",
            false => "Look for what differs between 32 and 64 bits: `usize`, hashes, time",
        };
        found.finding(Code::NotItsTwin, place, remedy)
    }
}
