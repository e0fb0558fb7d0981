//! The same verified messages on several sides, interleaved.
//!
//! The unit of observation is a round: a fresh instance on every side, and two slices of
//! each, in the order A B C C B A, so that a drift of the machine cancels out; the next
//! round begins with B, so that no side always has its own caches still warm. A fixed
//! computation is timed before and after them. Every reply
//! is checked before the clock runs and again after it, and every timed message must have
//! brought as many replies as the checked one.

use crate::record::{Entry, Mix, Part, Round, RoundSettings, Rounds, Watch};
use crate::sampling::open_loop::Go;
use crate::sampling::recorder::Recorder;
use crate::sampling::reference::reference_ns;
use crate::sampling::repeating::repeats;
use crate::sampling::setup::{Loaded, Side};
use crate::sampling::timing::{count, overhead_ns, slice};
use crate::workload::Case;
use crate::{Error, Result};
use sandlab_runtime::subject::Kind;
use sandlab_runtime::{Agent, Backend};
use std::sync::Arc;
use std::time::Instant;

/// Measures one case on all sides, and passes on each round as soon as it is over. Rounds that
/// do not count are repeated, as far as the budget goes. It ends early when what takes them says
/// so. Returns what timing added to a message, nanoseconds, at most; `None` if that could not be told.
///
/// # Errors
/// If an agent fails, or replies what it must not, and those of what takes the rounds.
pub fn interleave(
    loaded: &Loaded,
    case: &Case,
    settings: &RoundSettings,
    mut each: impl FnMut(Round) -> Result<Go>,
) -> Result<Option<f64>> {
    let plans = loaded.sides.iter().map(|side| {
        let mut agent = loaded.start(side, case)?;
        let answers = verify(loaded, side, agent.as_mut(), case)?;
        let cycles = calibrate(loaded, side, agent.as_mut(), case, settings)?;
        Ok(Plan { answers, cycles })
    });
    let plans = plans.collect::<Result<Vec<_>>>()?;
    let (mut valid, mut number) = (0, 0);
    let (mut backends, start) = (Vec::new(), Instant::now());
    loop {
        let wanted = settings.wanted(start.elapsed());
        if valid >= wanted || number >= wanted + repeats(wanted) {
            break;
        }
        let round = round(loaded, case, &plans, &mut backends, number)?;
        number += 1;
        valid += usize::from(round.invalid.is_none());
        if each(round)? == Go::Stop {
            break;
        }
    }
    let most = plans.iter().map(|plan| plan.cycles).max().unwrap_or(1);
    Ok(overhead_ns(case, most))
}

/// Measures one case on all sides, and returns the rounds that count, or all of them where those
/// are too few.
///
/// # Errors
/// As [`interleave`].
pub fn sample(loaded: &Loaded, case: &Case, settings: &RoundSettings) -> Result<Rounds> {
    let mut rounds = Rounds::of(loaded.sides.iter().map(|side| side.name.as_str()));
    let timing_ns = interleave(loaded, case, settings, |round| {
        rounds.add(round);
        Ok(Go::On)
    })?;
    rounds.timing_ns = timing_ns;
    if rounds.tally().is_enough() {
        rounds.keep_valid();
    }
    Ok(rounds)
}

/// Measures one case on all sides as a part of a run of this kind, and records its rounds.
///
/// # Errors
/// As [`interleave`].
pub fn record(
    kind: &str,
    loaded: &Loaded,
    case: &Case,
    settings: &RoundSettings,
    to: &mut dyn Recorder,
) -> Result<()> {
    to.part(Part {
        size: case.size,
        mean_bytes: Some(case.mean_bytes()),
        mix: case.size.is_none().then(|| Mix::from(case)),
        sides: loaded.sides.iter().map(|side| side.name.clone()).collect(),
        ..Part::new(kind, &loaded.agent)
    })?;
    for attempt in denied(loaded, case)? {
        to.note(format!("{}: {attempt}", loaded.agent))?;
    }
    let timing = interleave(loaded, case, settings, |round| to.round(round))?;
    timing.map_or(Ok(()), |timing| to.record(Entry::Timing(timing)))
}

/// Returns the requests to others that a service made without being granted them, each once.
fn denied(loaded: &Loaded, case: &Case) -> Result<Vec<String>> {
    let mut attempts = Vec::new();
    if case.kind != Kind::Service {
        return Ok(attempts);
    }
    for side in &loaded.sides {
        let mut agent = loaded.start(side, case)?;
        for exchange in &case.exchanges {
            let handled = agent.handle(&exchange.request);
            handled.map_err(|error| loaded.failed(side, "at its messages", error))?;
            for line in agent.take_log() {
                if !attempts.contains(&line.text) {
                    attempts.push(line.text);
                }
            }
        }
    }
    Ok(attempts)
}

/// The size of a slice of one side.
struct Plan {
    /// The replies and sends that one cycle of the case brings.
    answers: u64,
    /// Cycles of the case in a slice.
    cycles: u32,
}

/// Measures a round, on sides that were loaded once more: where code and memory lie can make a message
/// a fifth slower (`json`, 2 of 14 runs), which would last for the whole run.
fn round(
    loaded: &Loaded,
    case: &Case,
    plans: &[Plan],
    backends: &mut Vec<Arc<dyn Backend>>,
    number: usize,
) -> Result<Round> {
    // With those of the round before still there, so that these lie somewhere else.
    let next = loaded.sides.iter().map(Side::again).collect::<Result<_>>()?;
    *backends = next;
    let mut agents = Vec::new();
    for (side, backend) in loaded.sides.iter().zip(&*backends) {
        let mut agent = loaded.start_on(&**backend, side, case)?;
        verify(loaded, side, agent.as_mut(), case)?;
        agents.push(agent);
    }
    let (mut ns, mut watch) = (vec![0.0; agents.len()], Watch::start());
    let count = agents.len();
    let before = reference_ns();
    let order = (0..count).chain((0..count).rev());
    for index in order.map(|place| (place + number) % count) {
        let (side, Plan { answers, cycles }) = (&loaded.sides[index], &plans[index]);
        let slice = slice(agents[index].as_mut(), case, *cycles)
            .map_err(|error| loaded.failed(side, "while it was timed", error))?;
        let expected = answers * u64::from(*cycles);
        if slice.answers != expected {
            return Err(Error::WrongReply {
                agent: loaded.agent.clone(),
                side: side.name.clone(),
                step: "while it was timed".to_owned(),
                reason: format!("expected {expected} answers in all, got {}", slice.answers),
            });
        }
        ns[index] += slice.ns / 2.0;
    }
    let reference_ns = before.midpoint(reference_ns());
    let invalid = watch.round();
    for (side, agent) in loaded.sides.iter().zip(&mut agents) {
        verify(loaded, side, agent.as_mut(), case)?;
    }
    Ok(Round { ns, reference_ns, invalid })
}

/// Sends every message once and checks what comes of it; returns how much came.
pub(crate) fn verify(
    loaded: &Loaded,
    side: &Side,
    agent: &mut dyn Agent,
    case: &Case,
) -> Result<u64> {
    let mut answers = 0;
    for (index, exchange) in case.exchanges.iter().enumerate() {
        let step = format!("message {} of {} bytes", index + 1, exchange.request.content.len());
        let handled =
            agent.handle(&exchange.request).map_err(|error| loaded.failed(side, &step, error))?;
        let checked = exchange.check_all(&handled);
        checked.map_err(|reason| Error::WrongReply {
            agent: loaded.agent.clone(),
            side: side.name.clone(),
            step,
            reason,
        })?;
        answers += count(&handled);
    }
    Ok(answers)
}

/// Finds how many cycles of the case fill a slice.
pub(crate) fn calibrate(
    loaded: &Loaded,
    side: &Side,
    agent: &mut dyn Agent,
    case: &Case,
    settings: &RoundSettings,
) -> Result<u32> {
    let mut cycles = 1_u32;
    loop {
        let slice = slice(agent, case, cycles)
            .map_err(|error| loaded.failed(side, "while it was timed", error))?;
        if slice.took >= settings.slice || cycles >= 1 << 24 {
            return Ok(cycles);
        }
        let missing = settings.slice.as_secs_f64() / slice.took.as_secs_f64().max(1e-9);
        cycles = cycles.saturating_mul((missing * 1.2).ceil().clamp(2.0, 100.0) as u32);
    }
}
