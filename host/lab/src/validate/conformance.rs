//! Stage 8: whether the agent answers as it must, whatever it is told.
//!
//! It is told its own cases in their order, since one may build on another, and what every
//! world has: ids, sizes and performatives at which bindings break, each to a fresh instance
//! and all to one. The answers are held against the cases, against the native twin, against
//! another fresh instance's, and against what the contract says of every reply.

use super::call;
use super::code::Code;
use super::finding::{Check, Finding};
use super::policy::Conformance;
use crate::workload::{Case, Expected};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use sandlab_runtime::{Agent, Backend, CallError, Failure, Fault, Handled, Message, Performative};

/// Ids at which integers of 32 and 53 bits, and signed ones, end.
const IDS: [(u64, &str); 4] = [
    (0, "id 0"),
    (1 << 32, "id 2^32"),
    ((1 << 53) + 1, "id 2^53+1"),
    (u64::MAX - 1, "id 2^64-2"),
];

/// Sizes around which buffers, pages and stacks end.
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

/// Cases with the name of where they come from.
pub struct Named {
    /// A file, or what they are made for.
    pub name: String,
    /// The messages, and what must come of them.
    pub cases: Vec<Case>,
}

/// What an agent is held against.
pub struct Subject<'a> {
    /// The component.
    pub guest: &'a dyn Backend,
    /// Its native twin, if there is one and it counts.
    pub twin: Option<&'a dyn Backend>,
    /// How instances are configured that are told what every world has.
    pub configured: &'a Case,
}

/// Tells the agent everything.
///
/// # Errors
/// If the host, and not the guest, failed.
pub fn check(
    subject: &Subject,
    cases: &[Named],
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
    for (name, message) in world(settings.seed) {
        let findings = probe(subject, &message, settings, &mut sequence)?;
        checks.push(Check::of(name, findings));
    }
    Ok(checks)
}

/// What every agent must get along with. The same seed makes the same messages.
fn world(seed: u64) -> Vec<(&'static str, Message)> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut message = |size: usize| {
        let mut content = vec![0; size];
        rng.fill_bytes(&mut content);
        Message::request(content)
    };
    let mut messages = Vec::new();
    for (id, name) in IDS {
        let ids = Message {
            id,
            conversation: id,
            sender: id,
            ..message(64)
        };
        messages.push((name, ids));
    }
    messages.extend(SIZES.map(|(size, name)| (name, message(size))));
    messages.extend(PERFORMATIVES.map(|(performative, name)| {
        let message = Message {
            performative,
            ..message(64)
        };
        (name, message)
    }));
    messages
}

/// Tells one instance the messages of a case in their order.
fn wrong_replies(subject: &Subject, case: &Case) -> Result<Vec<Finding>, String> {
    let at = |number: usize| match case.size {
        Some(size) => format!("messages of {size} B, number {}", number + 1),
        None => format!("message {}", number + 1),
    };
    // Where nothing is known of the answers, the twin's count.
    if let Some(twin) = subject.twin
        && let Ok(mut twin) = call::start(twin, case)
    {
        let open = |expected: &Expected| matches!(expected, Expected::Repeats(_));
        for exchange in &case.exchanges {
            match twin.handle(&exchange.request) {
                Ok(handled) if open(&exchange.expected) => {
                    // The first answer is what it is held against from now on.
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
                    let code = if is_open {
                        Code::NotItsTwin
                    } else {
                        Code::WrongReply
                    };
                    let remedy = "Compare the agent's answer with what the case expects";
                    Finding::new(code, at(number), remedy).found(reason)
                }));
                findings.extend(lost(&exchange.request, &handled, &at(number)));
            }
            // An agent of which nothing is known may refuse what it is told.
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

/// The one instance of each that is told everything, one message after another.
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
                .wanted(fresh.told())
                .found(found)
        }));
    }
    let later = ask(subject.guest, case, message, &mut sequence.guest)?;
    findings.extend(later.findings(message, "an instance that was told others before"));
    if let Some(twin) = subject.twin {
        let pairs = [
            (
                &fresh,
                ask(twin, case, message, &mut None)?,
                "a fresh instance",
            ),
            (
                &later,
                ask(twin, case, message, &mut sequence.twin)?,
                "an instance that was told others before",
            ),
        ];
        for (guest, twin, place) in pairs {
            let remedy = "Look for what differs between 32 and 64 bits: `usize`, hashes, time";
            findings.extend(guest.differs(&twin).map(|found| {
                Finding::new(Code::NotItsTwin, place, remedy)
                    .wanted(twin.told())
                    .found(found)
            }));
        }
    }
    Ok(findings)
}

/// What came of one message.
enum Answer {
    Handled(Handled),
    Failure(Failure),
    Fault(Fault),
}

/// Asks an instance; a fresh one if there is none. One that has ended is not kept.
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
        Err(CallError::Fault(fault @ (Fault::Host(_) | Fault::NoSlot(_)))) => {
            Err(fault.to_string())
        }
        Err(CallError::Fault(fault)) => Ok(Answer::Fault(fault)),
    }
}

impl Answer {
    /// What is wrong with it, whatever the agent is meant to do.
    fn findings(&self, request: &Message, place: &str) -> impl Iterator<Item = Finding> {
        let fault = match self {
            Self::Fault(fault) => {
                let remedy = "See what it says; the message is one that any agent may be sent";
                let finding = Finding::new(Code::CaseFault, place, remedy);
                Some(finding.found(fault.to_string()))
            }
            _ => None,
        };
        let lost = match self {
            Self::Handled(handled) => lost(request, handled, place),
            _ => None,
        };
        fault.into_iter().chain(lost)
    }

    /// What this one is, if it is not the same as the other.
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
            let first = contents
                .enumerate()
                .find_map(|(reply, at)| Some((reply, at?)));
            let first =
                first.map(|(reply, at)| format!("; reply {} differs from byte {at} on", reply + 1));
            return Some(self.told() + &first.unwrap_or_default());
        }
        Some(self.told())
    }

    fn told(&self) -> String {
        match self {
            Self::Handled(handled) => {
                let bytes: usize = handled.replies.iter().map(|r| r.content.len()).sum();
                let (replies, sent) = (handled.replies.len(), handled.sent.len());
                format!("{replies} replies of {bytes} B together, {sent} sent")
            }
            Self::Failure(failure) => CallError::Failure(failure.clone()).to_string(),
            Self::Fault(fault) => fault.to_string(),
        }
    }
}

/// The first number of a reply that is not what the contract says of every reply: the
/// request's conversation, its id, and back to its sender.
fn lost(request: &Message, handled: &Handled, place: &str) -> Option<Finding> {
    let answered = |reply: &Message| reply.in_reply_to.unwrap_or(request.id);
    let numbers = handled.replies.iter().flat_map(|reply| {
        [
            ("conversation", request.conversation, reply.conversation),
            ("in-reply-to", request.id, answered(reply)),
            ("recipient", request.sender, reply.recipient),
        ]
    });
    let lost = numbers
        .into_iter()
        .find(|(_, wanted, found)| wanted != found);
    lost.map(|(field, wanted, found)| {
        let remedy = "Keep ids as 64-bit integers all the way: BigInt in JavaScript";
        Finding::new(
            Code::LostNumber,
            format!("{field} of a reply, {place}"),
            remedy,
        )
        .wanted(wanted.to_string())
        .found(found.to_string())
    })
}

fn fault(error: &CallError, place: &str) -> Result<Finding, String> {
    let code = match error {
        CallError::Failure(_) => Code::WrongReply,
        CallError::Fault(Fault::Host(_) | Fault::NoSlot(_)) => return Err(error.to_string()),
        CallError::Fault(_) => Code::CaseFault,
    };
    Ok(Finding::new(code, place, "See what it says").found(error.to_string()))
}
