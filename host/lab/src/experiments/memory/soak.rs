//! The working set over many messages, with plenty of memory: until it has found its size, or
//! shows that it finds none.

use crate::experiments::memory::limited_agent::LimitedAgent;
use crate::experiments::memory::tune::Search;
use crate::experiments::memory::workload::{RanOut, Series, Went, series};
use crate::stats::{FEWEST, Trend, trend};
use crate::workload::{self, Case};
use crate::{Error, Result};
use bytesize::ByteSize;
use sandlab_runtime::{Backend, Message};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;
use std::time::Instant;

/// Linear memory over a series of messages: its working set, as the host sees it, which
/// never gets smaller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Curve {
    /// The size of the series' messages, bytes; none of a workload from a file.
    pub size: Option<usize>,
    /// Messages of one pass.
    pub messages: u64,
    /// Messages sent in all passes together; 0 in runs of earlier versions, which did not count
    /// them.
    #[serde(default)]
    pub sent: u64,
    /// Changes of linear memory: the number of the message, from 1 on, and the bytes after it. The
    /// first is the size before any message, as message 0. Of more than 200 changes, the largest.
    pub changes: Vec<(u64, u64)>,
    /// Whether it was still growing at the end, so that no limit is enough for ever.
    pub still_grows: bool,
}

/// A working set without a plateau.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Unsettled {
    /// The size of the series' messages, bytes; none of a workload from a file.
    pub size: Option<usize>,
    /// Messages sent in all passes together.
    pub sent: u64,
    /// The number of the last messages, over which it grew.
    pub over: u64,
    /// Growth per message over these, bytes.
    pub per_message: f64,
    /// Whether it certainly goes on growing; false if there were too few messages to tell.
    pub goes_on: bool,
    /// The curves up to this one.
    pub curves: Vec<Curve>,
}

/// The result of watching the working sets.
pub enum Soaked {
    /// All have a plateau.
    Settled(Vec<Curve>),
    /// One has none.
    Unsettled(Unsettled),
    /// One ran out of memory before it was sent as often as asked.
    RanOut(String),
}

/// A case, with the number of passes whose replies are checked: later passes only show memory,
/// since the state that replies depend on may have changed by then.
pub struct Sent<'a> {
    pub case: &'a Case,
    pub checked: u64,
}

impl<'a> Sent<'a> {
    /// Returns it as a series that is sent so often.
    pub fn series(&self, passes: u64) -> Series<'a> {
        Series { case: self.case, passes, checked: self.checked }
    }
}

/// Messages of a soak, at least: as many as validation sends.
const MESSAGES: u64 = 1_000;

/// The share of the time, 1 ÷ this, before which no plateau is accepted: a leak of a thousand small
/// messages may fit into the rest of a page.
const SHARE: u32 = 20;

/// Growth of less than this is never reported as a leak, bytes: a collector lets garbage gather
/// before its first run.
const GROWN: u64 = 256 << 20;

/// The content of a message that any agent may get, bytes; validation sends it to each.
const PAYLOAD: usize = 64 << 10;

/// The changes of memory that a curve keeps, at most.
const POINTS: usize = 200;

/// Returns a case with the message of validation's stage `soak`. `None` for a subject that is not
/// an agent, whose messages have a format of their own.
pub fn payload(tested: &LimitedAgent) -> Option<Case> {
    if !tested.is_agent() {
        return None;
    }
    let first = tested.cases.first()?;
    let mut case = workload::unknown(PAYLOAD, 0);
    case.config.clone_from(&first.config);
    case.peers.clone_from(&first.peers);
    case.exchanges.truncate(1);
    case.exchanges.first_mut()?.request = Message::request(vec![b'x'; PAYLOAD]);
    Some(case)
}

/// Sends each case to an instance of its own, until its working set has a plateau.
///
/// # Errors
/// If the agent fails for another reason than its memory, or gives a wrong reply.
pub fn soak(tested: &LimitedAgent, cases: &[Sent], search: &Search, plenty: u64) -> Result<Soaked> {
    let backend = tested.under(plenty)?;
    let mut curves = Vec::new();
    for case in cases {
        let (curve, memory, found) = curve(tested, backend.as_ref(), case, search)?;
        let passed = curve.sent >= curve.messages * case.checked.max(1);
        curves.push(curve);
        let out = found.is_some();
        if let Some(out) = found.filter(|_| !passed) {
            return Ok(Soaked::RanOut(format!(
                "the workload runs out of {} too, with message {}: {}; there is no recommendation",
                ByteSize::b(plenty),
                out.message,
                out.outcome.text()
            )));
        }
        let trend = trend_of(tested, &memory);
        if trend == Trend::Settled {
            continue;
        }
        let start = curves.last().and_then(|curve| curve.changes.first()).map_or(0, |(_, at)| *at);
        let all = memory.last().map_or(0, |last| last.saturating_sub(start));
        let sent = memory.len();
        let over = sent - sent / 2;
        let grown = memory.last().zip(memory.get(sent / 2)).map_or(0, |(last, half)| last - half);
        return Ok(Soaked::Unsettled(Unsettled {
            size: case.case.size,
            sent: sent as u64,
            over: over as u64,
            per_message: grown as f64 / over.max(1) as f64,
            goes_on: matches!(trend, Trend::Grows(_)) && (out || all > GROWN),
            curves,
        }));
    }
    Ok(Soaked::Settled(curves))
}

/// Returns the trend of memory over messages. Where each has an instance of its own, there is none:
/// the largest message is all that counts, and few are enough to see it.
fn trend_of(tested: &LimitedAgent, memory: &[u64]) -> Trend {
    if tested.ends_with_message() { Trend::Settled } else { trend(memory) }
}

/// Returns one curve, memory after each message, and how it ran out if it did.
fn curve(
    tested: &LimitedAgent,
    backend: &dyn Backend,
    tuned: &Sent,
    search: &Search,
) -> Result<(Curve, Vec<u64>, Option<RanOut>)> {
    let case = tuned.case;
    let started = tested.start(backend, case);
    let started = started.map_err(|error| tested.failed("when started", error))?;
    let first = started.usage().memory.unwrap_or(0);
    drop(started);
    let messages = case.exchanges.len() as u64;
    if messages == 0 {
        return Err(Error::Usage(format!("{} has no messages", tested.agent)));
    }
    let began = Instant::now();
    let once = messages * tuned.checked;
    let mut next = if tested.ends_with_message() { once } else { MESSAGES.max(once) };
    let mut was_large = false;
    let (mut memory, mut changes) = (Vec::new(), vec![(0, first)]);
    let asked = Series { case, passes: u64::MAX / messages, checked: tuned.checked };
    let went = series(tested, backend, &asked, &mut |number, usage| {
        // Of all instances so far: a command's ends with its message.
        let now = usage.memory_peak.unwrap_or(0);
        memory.push(now);
        if changes.last().is_some_and(|(_, last)| *last != now) {
            changes.push((number, now));
        }
        let is_over = number >= messages * tuned.checked && began.elapsed() > search.soak;
        let is_large = now.saturating_sub(first) > GROWN;
        // Judged once when it is large, and else with every doubling.
        let is_due = number >= next || (is_large && !was_large);
        was_large |= is_large;
        if !is_due && !is_over {
            return ControlFlow::Continue(());
        }
        let is_certain = match trend_of(tested, &memory) {
            Trend::Settled => began.elapsed() >= search.soak / SHARE,
            Trend::Grows(_) => is_large,
            Trend::Undecided => false,
        };
        if is_certain || is_over {
            return ControlFlow::Break(());
        }
        next = number * 2;
        ControlFlow::Continue(())
    })?;
    let out = match went {
        Went::RanOut(found) => Some(found),
        Went::Through(_) => None,
    };
    let curve = Curve {
        size: case.size,
        messages,
        sent: memory.len() as u64,
        still_grows: out.is_some() || trend_of(tested, &memory) != Trend::Settled,
        changes: thinned(changes),
    };
    Ok((curve, memory, out))
}

impl Curve {
    /// Returns how many messages were sent. A run of before that was kept had only its passes.
    pub fn all(&self, passes: u64) -> u64 {
        self.sent.max(self.messages * passes)
    }

    /// Returns the passes of a try: twice as many as up to the last growth, so that growth without
    /// a tight limit also occurs under one.
    pub fn passes(&self, checked: u64) -> u64 {
        let last = self.changes.last().map_or(0, |(after, _)| *after);
        (2 * last).div_ceil(self.messages).max(checked).max(1)
    }
}

impl Unsettled {
    /// Returns a sentence on the missing plateau and its consequence.
    pub fn objection(&self) -> String {
        let what = self.size.map_or_else(
            || "messages of the workload".to_owned(),
            |size| format!("messages of {}", ByteSize::b(size as u64)),
        );
        let sent = self.sent;
        if sent < FEWEST as u64 {
            return format!(
                "{what}: no plateau seen: only {sent} messages in the time, and a trend needs \
                 {FEWEST}: give more with `--soak`; there is no recommendation"
            );
        }
        let pace = self.per_message / 1024.0;
        let so_that = match self.goes_on {
            true => "so that no limit is enough for ever",
            false => "and may still settle: `--soak` sends more",
        };
        format!(
            "{what}: no plateau seen: {pace:.1} KiB per message over the last {}, {so_that}; there \
             is no recommendation",
            self.over
        )
    }
}

/// Keeps the first, the last, and the largest steps, up to the bound.
fn thinned(changes: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
    if changes.len() <= POINTS {
        return changes;
    }
    let mut steps: Vec<usize> = (1..changes.len() - 1).collect();
    steps.sort_by_key(|index| std::cmp::Reverse(changes[*index].1 - changes[index - 1].1));
    steps.truncate(POINTS - 2);
    steps.extend([0, changes.len() - 1]);
    steps.sort_unstable();
    steps.into_iter().map(|index| changes[index]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiments::memory::PAGE;

    #[test]
    fn a_long_curve_keeps_its_ends_and_its_largest_steps() {
        let mut memory = 0;
        let changes: Vec<_> = (0..1_000)
            .map(|n| {
                memory += if n == 500 { 1_000_000 } else { PAGE };
                (n, memory)
            })
            .collect();
        let kept = thinned(changes.clone());
        assert_eq!(kept.len(), POINTS);
        assert_eq!((kept.first(), kept.last()), (changes.first(), changes.last()));
        assert!(kept.contains(&changes[500]));
    }
}
