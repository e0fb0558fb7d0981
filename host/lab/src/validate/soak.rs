//! Stage 9: whether memory grows with every call, and whether the calls go on being answered.

use super::call;
use super::code::Code;
use super::finding::{Check, Finding};
use super::language::Language;
use super::policy::{Policy, Soak};
use crate::stats::{FEWEST, Trend, trend};
use crate::workload::Case;
use bytesize::ByteSize;
use sandlab_runtime::{Agent, Backend, CallError, Cause, Message};
use std::time::Instant;

/// Messages that are sent again and again.
pub struct Series<'a> {
    /// The check's name.
    pub name: &'static str,
    /// The case that configures the instance.
    pub case: &'a Case,
    /// The messages, in their order.
    pub messages: Vec<Sent>,
}

/// A message of a series.
pub struct Sent {
    /// The message.
    pub message: Message,
    /// Whether its case states what it is answered with, so that no failure of it is right.
    pub is_stated: bool,
}

/// Sends each series repeatedly to an instance of its own, and reads its memory after each call.
///
/// # Errors
/// If the host, and not the guest, failed.
pub fn check(
    guest: &dyn Backend,
    series: &[Series],
    policy: &Policy,
    language: Language,
) -> Result<Vec<Check>, String> {
    series.iter().map(|series| plateau(guest, series, &policy.soak, language)).collect()
}

fn plateau(
    guest: &dyn Backend,
    series: &Series,
    soak: &Soak,
    language: Language,
) -> Result<Check, String> {
    let mut agent = match call::start(guest, series.case) {
        Ok(agent) => agent,
        Err(error) => return ended(series.name, &error, 0),
    };
    let soaked = soaked(agent.as_mut(), &series.messages, soak, language);
    let mut check = of_memory(series, &soaked, soak, language)?;
    for failures in &soaked.failures {
        check.push(failures.finding(soaked.memory.len()));
    }
    Ok(check)
}

/// Returns what memory after each call shows.
fn of_memory(
    series: &Series,
    soaked: &Soaked,
    soak: &Soak,
    language: Language,
) -> Result<Check, String> {
    let (name, Soaked { memory, found, end, .. }) = (series.name, soaked);
    let next = memory.len() + 1;
    let out = match (end, found) {
        (End::Fault(error), Trend::Grows(_))
            if matches!(error.cause(), Some(Cause::OutOfMemory { .. })) =>
        {
            format!(", until call {next}: {error}")
        }
        // Some engines keep the state of their first request.
        (End::Fault(error), _)
            if memory.len() == 1 && matches!(error.cause(), Some(Cause::Response(_))) =>
        {
            let why =
                format!("an instance answers one request only: the second ended with {error}");
            return Ok(Check::skipped(name, why));
        }
        (End::Fault(error), _) => return ended(name, error, memory.len()),
        (End::Refused, _) => format!(", until it was refused memory at call {next}"),
        (End::Decided | End::Late, _) => String::new(),
    };
    let (calls, half) = (memory.len(), memory.len() / 2);
    if calls < FEWEST {
        let why = match end {
            End::Refused => format!(
                "it was refused memory at call {next}, and a trend needs {FEWEST} calls: raise \
                 `limits.memory-limit`"
            ),
            _ => format!(
                "{calls} calls took {:?}, and a trend needs {FEWEST}: raise `soak.time`",
                soak.time
            ),
        };
        return Ok(Check::skipped(name, why));
    }
    let largest = series.messages.iter().map(|sent| sent.message.content.len()).max();
    let size = ByteSize::b(largest.unwrap_or_default() as u64);
    let last = ByteSize::b(memory.last().copied().unwrap_or_default());
    let note = format!("{calls} calls of up to {size}; {last} of memory at the end");
    let grown = memory.last().zip(memory.get(half)).map_or(0, |(last, half)| last - half);
    // A collector that has not run yet looks like a leak.
    let may_settle = matches!(end, End::Late) && language.is_collected();
    Ok(match *found {
        Trend::Settled => Check::of(name, Vec::new()).with_note(note),
        Trend::Undecided if matches!(end, End::Refused) => {
            let remedy = "Raise `limits.memory-limit`, or reduce its memory";
            let finding = Finding::new(Code::Refused, format!("call {next}"), remedy);
            Check::of(name, vec![finding.found("a request for memory was refused")]).with_note(note)
        }
        Trend::Grows(pace) if !may_settle => {
            let remedy = "Look for what keeps the message, its reply, or data made from them: a \
                          binding that does not free, a list that only grows; a collector that \
                          starts later needs a higher `limits.memory-limit`";
            let finding = Finding::new(Code::Grows, format!("calls {half} to {calls}"), remedy)
                .wanted("a plateau")
                .found(format!("{} more per call{out}", ByteSize::b(pace.ceil() as u64)));
            Check::of(name, vec![finding]).with_note(note)
        }
        Trend::Grows(_) | Trend::Undecided => {
            let why = format!(
                "no plateau was seen: memory grew by {} from call {half} to {calls}, which does not \
                 tell whether it goes on: raise `soak.time`",
                ByteSize::b(grown)
            );
            Check::skipped(name, why)
        }
    })
}

/// Memory has found its size after that share of the time at the earliest: what a thousand small
/// messages leave behind fits into the rest of a page.
const SHARE: u32 = 20;

/// A heap that grows to its size looks like a leak at first: that memory grows for ever is said only
/// after so many times the calls of a soak.
const CONFIRMED: usize = 8;

/// Memory after each call, what it shows, and why the calls ended.
struct Soaked {
    memory: Vec<u64>,
    found: Trend,
    end: End,
    failures: Vec<Failures>,
}

/// Failures of one kind: of messages whose cases state an answer, or that were answered before.
struct Failures {
    code: Code,
    /// The number of the first such call, and what it came to.
    first: usize,
    text: String,
    count: usize,
}

impl Failures {
    fn finding(&self, calls: usize) -> Finding {
        let remedy = "Look for what the agent keeps or counts and does not put back";
        let wanted = match self.code {
            Code::SoakBreaks => "the answer that its case states",
            _ => "what the same message came to before",
        };
        let found = format!("{} of {calls} calls: {}", self.count, self.text);
        Finding::new(self.code, format!("from call {} on", self.first), remedy)
            .wanted(wanted)
            .found(found)
    }
}

/// Counts a failure with those of its kind.
fn count(failures: &mut Vec<Failures>, code: Code, call: usize, error: &CallError) {
    match failures.iter_mut().find(|failures| failures.code == code) {
        Some(failures) => failures.count += 1,
        None => failures.push(Failures { code, first: call, text: error.to_string(), count: 1 }),
    }
}

enum End {
    /// The trend is known.
    Decided,
    /// The time was over.
    Late,
    /// The guest was refused memory, and went on.
    Refused,
    /// The guest ended.
    Fault(CallError),
}

/// Sends messages in turn until their trend shows, the time is over, or memory is.
fn soaked(agent: &mut dyn Agent, messages: &[Sent], soak: &Soak, language: Language) -> Soaked {
    let started = Instant::now();
    let mut memory = Vec::new();
    let mut next = soak.calls as usize;
    let mut answered = vec![false; messages.len()];
    let mut failures = Vec::new();
    let denied = |agent: &dyn Agent| agent.usage().denials.map_or(0, |denials| denials.count);
    let before = denied(agent);
    for (index, sent) in messages.iter().enumerate().cycle() {
        let call = memory.len() + 1;
        match agent.handle(&sent.message) {
            Ok(_) => answered[index] = true,
            Err(error) if error.fault().is_some() => {
                let end = End::Fault(error);
                return Soaked { found: trend(&memory), memory, end, failures };
            }
            Err(error) if sent.is_stated => count(&mut failures, Code::SoakBreaks, call, &error),
            Err(error) if answered[index] => count(&mut failures, Code::SoakFails, call, &error),
            Err(_) => {}
        }
        if denied(agent) > before {
            return Soaked { found: trend(&memory), memory, end: End::Refused, failures };
        }
        // What a backend does not measure does not grow.
        memory.push(agent.usage().memory.unwrap_or_default());
        let is_late = started.elapsed() > soak.time;
        if memory.len() < next && !is_late {
            continue;
        }
        let found = trend(&memory);
        let is_certain = match found {
            Trend::Settled => started.elapsed() >= soak.time / SHARE,
            // A collector runs when it must, which only the limit or the time shows.
            Trend::Grows(_) => {
                !language.is_collected() && memory.len() >= CONFIRMED * soak.calls as usize
            }
            Trend::Undecided => false,
        };
        if is_certain || is_late {
            let end = if is_certain { End::Decided } else { End::Late };
            return Soaked { memory, found, end, failures };
        }
        next *= 2;
    }
    Soaked { memory, found: Trend::Undecided, end: End::Late, failures }
}

fn ended(name: &str, error: &CallError, number: usize) -> Result<Check, String> {
    let mut finding = call::ended(error, &format!("call {}", number + 1))?;
    finding.code = Code::SoakFault;
    finding.severity = finding.code.severity();
    Code::SoakFault.title().clone_into(&mut finding.message);
    Ok(Check::of(name, vec![finding]))
}
