//! Stage 8: whether the agent replies correctly.
//!
//! It gets its own cases in their order, since one may build on another, and general messages:
//! ids, sizes and performatives at which bindings break, each to a fresh instance and all to one
//! instance. Replies are compared with the cases, with the native twin's, with those of another
//! fresh instance, and with the contract's rules for every reply. Optional interfaces are called
//! wherever they are exported, and compared with `handle`. One defect is one finding, however many
//! messages it shows with.

mod answer;
mod cases;
mod messages;
mod optional;
mod rules;

use super::code::Code;
use super::finding::{self, Check, Finding};
use super::language::Language;
use super::policy::Conformance;
use crate::workload::Case;
use answer::ask;
use sandlab_runtime::subject::Kind;
use sandlab_runtime::{Agent, Backend, Message};
use std::time::{Duration, Instant};

/// Cases with the name of their source.
pub struct NamedCases {
    /// A workload file, or a description of generated cases.
    pub name: String,
    /// The messages and their expected replies.
    pub cases: Vec<Case>,
}

/// The agent under test and its twin.
pub struct Subject<'a> {
    /// The kind of the component.
    pub kind: Kind,
    /// The component.
    pub guest: &'a dyn Backend,
    /// Its native twin; `None` if there is none, or the policy ignores it.
    pub twin: Option<&'a dyn Backend>,
    /// Whether the twin belongs to another agent, whose replies this one must give.
    pub is_reference: bool,
    /// The case that configures the instances for the general messages.
    pub configured: &'a Case,
    /// The language that its author writes.
    pub language: Language,
    /// Whether two fresh instances must give the same replies.
    pub repeatable: bool,
    /// The time limit of repetitions.
    pub clock: Clock,
}

/// The time limit of sandlab's own repetitions: a guest that starts slowly must not fail because it
/// is started often.
pub struct Clock {
    started: Instant,
    most: Duration,
}

impl Clock {
    /// Starts the clock; repetitions get half of a stage's limit.
    pub fn start(stage_limit: Duration) -> Self {
        Self { started: Instant::now(), most: stage_limit / 2 }
    }

    fn is_over(&self) -> bool {
        self.started.elapsed() > self.most
    }

    fn why(&self) -> String {
        format!("not enough time for all of it within {:?}: raise `timing.stage-limit`", self.most)
    }
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
            findings.extend(cases::wrong_replies(subject, case)?);
        }
        checks.push(Check::of(&named.name, findings));
    }
    if subject.kind != Kind::Agent {
        // What the contract says of messages is of agents; of others only their cases are known.
        return Ok(finding::grouped(checks, defect));
    }
    let mut sequence = Sequence::default();
    for (name, message) in messages::general(settings.seed) {
        if subject.clock.is_over() {
            checks.push(Check::skipped(name, subject.clock.why()));
            continue;
        }
        let findings = probe(subject, &message, &mut sequence)?;
        checks.push(Check::of(name, findings));
    }
    let all: Vec<&Case> = cases.iter().flat_map(|named| &named.cases).collect();
    checks.extend(optional::check(subject, &all, settings.seed)?);
    Ok(finding::grouped(checks, defect))
}

/// Returns the part of a finding that is equal for findings of the same defect: the fault without
/// its numbers, or the field of a reply.
fn defect(finding: &Finding) -> String {
    match finding.code {
        Code::CaseFault => {
            let found = finding.found.as_deref().unwrap_or_default();
            found.chars().map(|c| if c.is_ascii_hexdigit() { '#' } else { c }).collect()
        }
        Code::LostNumber | Code::WrongAddress => rules::field(finding).to_owned(),
        _ => String::new(),
    }
}

/// The instances of guest and twin that get all messages, one after another.
#[derive(Default)]
struct Sequence {
    guest: Option<Box<dyn Agent>>,
    twin: Option<Box<dyn Agent>>,
}

const FRESH: &str = "a fresh instance";
const LATER: &str = "an instance with earlier messages";

fn probe(
    subject: &Subject,
    message: &Message,
    sequence: &mut Sequence,
) -> Result<Vec<Finding>, String> {
    let (case, language) = (subject.configured, subject.language);
    let fresh = ask(subject.guest, case, message, &mut None)?;
    let mut findings = fresh.findings(message, FRESH, language);
    if subject.repeatable {
        let again = ask(subject.guest, case, message, &mut None)?;
        let remedy = "Look for time, random numbers, addresses, or the order of a hash map";
        let difference = again.difference(&fresh);
        findings.extend(
            difference
                .map(|found| found.finding(Code::NotRepeatable, "two fresh instances", remedy)),
        );
    }
    let later = ask(subject.guest, case, message, &mut sequence.guest)?;
    findings.extend(later.findings(message, LATER, language));
    if let Some(twin) = subject.twin {
        let theirs = ask(twin, case, message, &mut None)?;
        let difference = fresh.difference(&theirs);
        findings.extend(difference.map(|found| subject.not_its_twin(found, FRESH)));
        let theirs = ask(twin, case, message, &mut sequence.twin)?;
        let difference = later.difference(&theirs);
        findings.extend(difference.map(|found| subject.not_its_twin(found, LATER)));
    }
    Ok(findings)
}
