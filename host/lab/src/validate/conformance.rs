//! Stage 8: whether the agent replies correctly.
//!
//! It gets its own cases in their order, since one may build on another, and general messages:
//! ids, sizes and performatives at which bindings break, each to a fresh instance and all to one
//! instance. Replies are compared with the cases, with the native twin's, with those of another
//! fresh instance, and with the contract's rules for every reply.

use super::call;
use super::code::Code;
use super::finding::{Check, Finding};
use super::policy::Conformance;
use crate::workload::{Case, Expected};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use sandlab_runtime::{
    Agent, Backend, CallError, Cause, Failure, Fault, Handled, Message, Performative,
};

/// Ids at the limits of 32-bit, 53-bit and signed integers.
const IDS: [(u64, &str); 4] =
    [(0, "id 0"), (1 << 32, "id 2^32"), ((1 << 53) + 1, "id 2^53+1"), (u64::MAX - 1, "id 2^64-2")];

/// Sizes at the limits of usual buffers, pages and stacks.
const SIZES: [(usize, &str); 6] = [
    (0, "content of 0 B"),
    (64, "content of 64 B"),
    (16 << 10, "content of 16 KiB"),
    (64 << 10, "content of 64 KiB"),
    ((64 << 10) + 1, "content of 65,537 B"),
    (1 << 20, "content of 1 MiB"),
];

const PERFORMATIVES: [(Performative, &str); 11] = [
    (Performative::Request, "request"),
    (Performative::Inform, "inform"),
    (Performative::QueryIf, "query-if"),
    (Performative::QueryRef, "query-ref"),
    (Performative::Propose, "propose"),
    (Performative::AcceptProposal, "accept-proposal"),
    (Performative::RejectProposal, "reject-proposal"),
    (Performative::Agree, "agree"),
    (Performative::Refuse, "refuse"),
    (Performative::Failure, "failure"),
    (Performative::NotUnderstood, "not-understood"),
];

/// Cases with the name of their source.
pub struct NamedCases {
    /// A workload file, or a description of generated cases.
    pub name: String,
    /// The messages and their expected replies.
    pub cases: Vec<Case>,
}

/// The agent under test and its twin.
pub struct Subject<'a> {
    /// The component.
    pub guest: &'a dyn Backend,
    /// Its native twin; `None` if there is none, or the policy ignores it.
    pub twin: Option<&'a dyn Backend>,
    /// The case that configures the instances for the general messages.
    pub configured: &'a Case,
}

/// Sends the agent all cases and all general messages.
///
/// # Errors
/// If the host, and not the guest, failed.
pub fn check(
    subject: &Subject,
    cases: &[NamedCases],
    settings: &Conformance,
) -> Result<Vec<Check>, String> {
    let mut checks = Vec::new();
    for named in cases {
        let mut findings = Vec::new();
        for case in &named.cases {
            findings.extend(wrong_replies(subject, case)?);
        }
        checks.push(Check::of(&named.name, findings));
    }
    let mut sequence = Sequence::default();
    for (name, message) in general_messages(settings.seed) {
        let findings = probe(subject, &message, settings, &mut sequence)?;
        checks.push(Check::of(name, findings));
    }
    Ok(checks)
}

/// Returns the general messages, which no agent may fault on. The same seed gives the same
/// messages.
fn general_messages(seed: u64) -> Vec<(&'static str, Message)> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut message = |size: usize| {
        let mut content = vec![0; size];
        rng.fill_bytes(&mut content);
        Message::request(content)
    };
    let mut messages = Vec::new();
    for (id, name) in IDS {
        let ids = Message { id, conversation: id, sender: id, ..message(64) };
        messages.push((name, ids));
    }
    messages.extend(SIZES.map(|(size, name)| (name, message(size))));
    messages.extend(PERFORMATIVES.map(|(performative, name)| {
        let message = Message { performative, ..message(64) };
        (name, message)
    }));
    messages
}

/// Sends one instance the messages of a case in their order.
fn wrong_replies(subject: &Subject, case: &Case) -> Result<Vec<Finding>, String> {
    let at = |number: usize| match case.size {
        Some(size) => format!("messages of {size} B, number {}", number + 1),
        None => format!("message {}", number + 1),
    };
    // Where no reply is specified, the twin's is expected.
    if let Some(twin) = subject.twin
        && let Ok(mut twin) = call::start(twin, case)
    {
        let open = |expected: &Expected| matches!(expected, Expected::Repeats(_));
        for exchange in &case.exchanges {
            match twin.handle(&exchange.request) {
                Ok(handled) if open(&exchange.expected) => {
                    // The first reply becomes the expected one.
                    let _ = exchange.expected.check(&handled);
                }
                Err(error) if error.fault().is_some() => break,
                _ => {}
            }
        }
    }
    let mut agent = match call::start(subject.guest, case) {
        Ok(agent) => agent,
        Err(error) => return Ok(vec![fault(&error, "configure")?]),
    };
    let mut findings = Vec::new();
    for (number, exchange) in case.exchanges.iter().enumerate() {
        let is_open = matches!(exchange.expected, Expected::Repeats(_));
        match agent.handle(&exchange.request) {
            Ok(handled) => {
                let wrong = exchange.expected.check(&handled).err();
                findings.extend(wrong.map(|reason| {
                    let code = if is_open { Code::NotItsTwin } else { Code::WrongReply };
                    let remedy = "Compare the agent's reply with the expected one";
                    Finding::new(code, at(number), remedy).found(reason)
                }));
                findings.extend(changed_number(&exchange.request, &handled, &at(number)));
            }
            // An agent without a specified reply may refuse the message.
            Err(CallError::Failure(_)) if is_open => {}
            Err(error) => {
                findings.push(fault(&error, &at(number))?);
                if error.fault().is_some() {
                    break;
                }
            }
        }
    }
    Ok(findings)
}

/// The instances of guest and twin that get all messages, one after another.
#[derive(Default)]
struct Sequence {
    guest: Option<Box<dyn Agent>>,
    twin: Option<Box<dyn Agent>>,
}

fn probe(
    subject: &Subject,
    message: &Message,
    settings: &Conformance,
    sequence: &mut Sequence,
) -> Result<Vec<Finding>, String> {
    let case = subject.configured;
    let fresh = ask(subject.guest, case, message, &mut None)?;
    let mut findings: Vec<Finding> = fresh.findings(message, "a fresh instance").collect();
    if settings.repeatable {
        let again = ask(subject.guest, case, message, &mut None)?;
        let remedy = "Look for time, random numbers, addresses, or the order of a hash map";
        findings.extend(again.differs(&fresh).map(|found| {
            Finding::new(Code::NotRepeatable, "two fresh instances", remedy)
                .wanted(fresh.description())
                .found(found)
        }));
    }
    let later = ask(subject.guest, case, message, &mut sequence.guest)?;
    findings.extend(later.findings(message, "an instance with earlier messages"));
    if let Some(twin) = subject.twin {
        let pairs = [
            (&fresh, ask(twin, case, message, &mut None)?, "a fresh instance"),
            (
                &later,
                ask(twin, case, message, &mut sequence.twin)?,
                "an instance with earlier messages",
            ),
        ];
        for (guest, twin, place) in pairs {
            let remedy = "Look for what differs between 32 and 64 bits: `usize`, hashes, time";
            findings.extend(guest.differs(&twin).map(|found| {
                Finding::new(Code::NotItsTwin, place, remedy)
                    .wanted(twin.description())
                    .found(found)
            }));
        }
    }
    Ok(findings)
}

/// The outcome of one message.
enum Answer {
    Handled(Handled),
    Failure(Failure),
    Fault(Fault),
}

/// Sends a message to the kept instance, or to a fresh one if none is kept. An instance that
/// ended is not kept.
fn ask(
    backend: &dyn Backend,
    case: &Case,
    message: &Message,
    kept: &mut Option<Box<dyn Agent>>,
) -> Result<Answer, String> {
    let started = match kept.take() {
        Some(agent) => Ok(agent),
        None => call::start(backend, case),
    };
    let outcome = started.and_then(|mut agent| {
        let outcome = agent.handle(message);
        let has_ended = outcome.as_ref().is_err_and(|error| error.fault().is_some());
        if !has_ended {
            *kept = Some(agent);
        }
        outcome
    });
    match outcome {
        Ok(handled) => Ok(Answer::Handled(handled)),
        Err(CallError::Failure(failure)) => Ok(Answer::Failure(failure)),
        Err(CallError::Fault(fault))
            if matches!(fault.cause, Cause::Host(_) | Cause::NoSlot(_)) =>
        {
            Err(fault.to_string())
        }
        Err(CallError::Fault(fault)) => Ok(Answer::Fault(fault)),
    }
}

impl Answer {
    /// Returns faults and breaches of the contract, which are wrong for any agent.
    fn findings(&self, request: &Message, place: &str) -> impl Iterator<Item = Finding> {
        let fault = match self {
            Self::Fault(fault) => {
                let remedy = "Fix the fault that is quoted: any agent may be sent this message";
                let finding = Finding::new(Code::CaseFault, place, remedy);
                Some(finding.found(fault.to_string()))
            }
            _ => None,
        };
        let lost = match self {
            Self::Handled(handled) => changed_number(request, handled, place),
            _ => None,
        };
        fault.into_iter().chain(lost)
    }

    /// Describes this outcome if it differs from the other; `None` if they are the same.
    fn differs(&self, other: &Self) -> Option<String> {
        let same = match (self, other) {
            (Self::Handled(a), Self::Handled(b)) => a == b,
            (Self::Failure(a), Self::Failure(b)) => a == b,
            (Self::Fault(_), Self::Fault(_)) => true,
            _ => false,
        };
        if same {
            return None;
        }
        if let (Self::Handled(ours), Self::Handled(theirs)) = (self, other) {
            let pairs = ours.replies.iter().zip(&theirs.replies);
            let contents = pairs.map(|(a, b)| {
                let bytes = a.content.iter().zip(&b.content);
                let at = bytes.take_while(|(a, b)| a == b).count();
                let longest = a.content.len().max(b.content.len());
                (at < longest).then_some(at)
            });
            let first = contents.enumerate().find_map(|(reply, at)| Some((reply, at?)));
            let first =
                first.map(|(reply, at)| format!("; reply {} differs from byte {at} on", reply + 1));
            return Some(self.description() + &first.unwrap_or_default());
        }
        Some(self.description())
    }

    fn description(&self) -> String {
        match self {
            Self::Handled(handled) => {
                let bytes: usize = handled.replies.iter().map(|r| r.content.len()).sum();
                let (replies, sent) = (handled.replies.len(), handled.sent.len());
                format!("{replies} replies of {bytes} B in total, {sent} messages sent")
            }
            Self::Failure(failure) => CallError::Failure(failure.clone()).to_string(),
            Self::Fault(fault) => fault.to_string(),
        }
    }
}

/// Returns a finding for the first number of a reply that breaks the contract's rule: replies
/// have the request's conversation and id, and go to its sender.
fn changed_number(request: &Message, handled: &Handled, place: &str) -> Option<Finding> {
    let answered = |reply: &Message| reply.in_reply_to.unwrap_or(request.id);
    let numbers = handled.replies.iter().flat_map(|reply| {
        [
            ("conversation", request.conversation, reply.conversation),
            ("in-reply-to", request.id, answered(reply)),
            ("recipient", request.sender, reply.recipient),
        ]
    });
    let lost = numbers.into_iter().find(|(_, wanted, found)| wanted != found);
    lost.map(|(field, wanted, found)| {
        let remedy = "Keep ids as 64-bit integers all the way: BigInt in JavaScript";
        Finding::new(Code::LostNumber, format!("{field} of a reply, {place}"), remedy)
            .wanted(wanted.to_string())
            .found(found.to_string())
    })
}

fn fault(error: &CallError, place: &str) -> Result<Finding, String> {
    let code = match error.cause() {
        None => Code::WrongReply,
        Some(Cause::Host(_) | Cause::NoSlot(_)) => return Err(error.to_string()),
        Some(_) => Code::CaseFault,
    };
    Ok(Finding::new(code, place, "Fix the fault that is quoted").found(error.to_string()))
}
