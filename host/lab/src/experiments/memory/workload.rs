//! Runs an agent's own workload under a limit.

use crate::Result;
use crate::experiments::memory::figure::Figure;
use crate::experiments::memory::largest::Outcome;
use crate::experiments::memory::limited_agent::{LimitedAgent, ran_out};
use crate::experiments::memory::pace::{Pace, pace};
use crate::experiments::memory::recovery::restarted;
use crate::stats::Distribution;
use crate::workload::Case;
use sandlab_runtime::{Agent, Backend, BackendKind, Denials, Handled, Usage};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::Instant;

/// The outcome of a workload at one memory limit.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Ran {
    /// Messages that were answered well.
    pub messages: u64,
    /// The most memory of an instance, bytes: linear memory in the sandbox, resident memory of a
    /// child process. Null where the backend does not tell.
    pub peak: Option<u64>,
    /// Refused growths, also those that it survived; null where the backend does not tell.
    pub denials: Option<u64>,
    /// The message that ran out of memory; null if all were answered.
    pub ran_out: Option<RanOut>,
    /// The speed of the last series, whose messages are the largest.
    pub pace: Figure<Pace>,
    /// Times of messages during which memory grows.
    pub growing: Figure<Distribution>,
    /// Times to start another instance after one ran out of memory.
    pub restarted: Figure<Distribution>,
}

/// A message that failed for want of memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RanOut {
    /// The size of its series, bytes; none of a workload from a file.
    pub size: Option<usize>,
    /// The number of the message, from 1 on; 0 if the instance did not start.
    pub message: u64,
    /// The agent's end: alive, out of memory, or another fault.
    pub outcome: Outcome,
    /// The refused growths; null where the backend does not count them.
    #[schemars(with = "Option<BTreeMap<String, serde_json::Value>>")]
    pub denials: Option<Denials>,
}

/// Samples of the messages with which memory grows.
const SAMPLES: usize = 15;

/// Runs the workload: each series once, on an instance of its own.
///
/// # Errors
/// If the agent fails for another reason than memory, or gives a wrong reply.
pub fn workload(tested: &LimitedAgent, backend: &dyn Backend) -> Result<Ran> {
    let mut ran = Ran {
        messages: 0,
        peak: None,
        denials: None,
        ran_out: None,
        pace: Figure::unavailable("the workload ran out of memory"),
        growing: Figure::unavailable("the workload ran out of memory"),
        restarted: Figure::unavailable("the workload never ran out of memory"),
    };
    for case in tested.cases.iter() {
        let mut seen = |_: u64, usage: Usage| {
            ran.messages += 1;
            ran.peak = ran.peak.max(usage.memory_peak);
            ControlFlow::Continue(())
        };
        let once = Series { case, passes: 1, checked: 1 };
        let went = series(tested, backend, &once, &mut seen)?;
        let denials = went.denials();
        ran.denials = denials.map(|d| d.count + ran.denials.unwrap_or(0));
        match went {
            Went::Through(mut agent) => ran.pace = paced(tested, agent.as_mut(), case)?,
            Went::RanOut(found) => {
                if found.message > 0 && !matches!(found.outcome, Outcome::Survived(_)) {
                    ran.restarted = restarted(tested, backend, case)?;
                }
                ran.ran_out = Some(found);
                return Ok(ran);
            }
        }
    }
    ran.growing = growing(tested, backend)?;
    Ok(ran)
}

/// The end of a series of messages.
pub enum Went {
    /// All were answered well, by this instance.
    Through(Box<dyn Agent>),
    /// One was not, for want of memory.
    RanOut(RanOut),
}

impl Went {
    /// Returns the refused growths; `None` where the backend does not tell.
    pub fn denials(&self) -> Option<Denials> {
        match self {
            Self::Through(agent) => agent.usage().denials,
            Self::RanOut(found) => found.denials,
        }
    }
}

/// A series of messages, and how often it is sent.
pub struct Series<'a> {
    /// The messages.
    pub case: &'a Case,
    /// Times that it is sent to one instance, one after another.
    pub passes: u64,
    /// The number of passes whose replies are checked. In later ones the agent may fail.
    pub checked: u64,
}

/// Sends a series to one instance, and checks the replies. `seen` is called after each message with
/// its number and the instance's usage, and decides whether to go on.
///
/// # Errors
/// If the agent fails for another reason than memory, or gives a wrong reply.
pub fn series(
    tested: &LimitedAgent,
    backend: &dyn Backend,
    asked: &Series,
    seen: &mut dyn FnMut(u64, Usage) -> ControlFlow<()>,
) -> Result<Went> {
    let case = asked.case;
    let mut agent = match tested.start(backend, case) {
        Ok(agent) => agent,
        Err(error) => {
            let outcome = Outcome::of(&error);
            if !matches!(outcome, Outcome::Aborted(_)) {
                return Err(tested.failed("when started", error));
            }
            let asked = match error.cause() {
                Some(sandlab_runtime::Cause::OutOfMemory { asked, .. }) => Some(*asked),
                _ => None,
            };
            return Ok(Went::RanOut(RanOut {
                size: case.size,
                message: 0,
                outcome,
                denials: asked.map(|asked| Denials { count: 1, asked: Some(asked) }),
            }));
        }
    };
    let again = (0..asked.passes).flat_map(|pass| {
        let is_checked = pass < asked.checked;
        case.exchanges.iter().map(move |exchange| (exchange, is_checked))
    });
    for ((exchange, is_checked), number) in again.zip(1..) {
        let answer = agent.handle(&exchange.request);
        let usage = agent.usage();
        let step = || format!("message {number} of {} bytes", exchange.request.content.len());
        let handled = match answer {
            Ok(handled) => handled,
            Err(error) if ran_out(tested.backend, agent.as_ref(), &error) => {
                return Ok(Went::RanOut(RanOut {
                    size: case.size,
                    message: number,
                    outcome: Outcome::of(&error),
                    denials: usage.denials,
                }));
            }
            Err(error) if !is_checked && error.fault().is_none() => Handled::default(),
            Err(error) => return Err(tested.failed(&step(), error)),
        };
        let checked = match is_checked {
            true => exchange.check_all(&handled),
            false => Ok(()),
        };
        match (checked, usage.denials.is_some_and(|d| d.count > 0)) {
            (Ok(()), _) => {
                if seen(number, usage).is_break() {
                    break;
                }
            }
            (Err(reason), true) => {
                return Ok(Went::RanOut(RanOut {
                    size: case.size,
                    message: number,
                    outcome: Outcome::Survived(format!("it replied otherwise: {reason}")),
                    denials: usage.denials,
                }));
            }
            (Err(reason), false) => return Err(tested.wrong(&step(), reason)),
        }
    }
    Ok(Went::Through(agent))
}

fn paced(tested: &LimitedAgent, agent: &mut dyn Agent, case: &Case) -> Result<Figure<Pace>> {
    match pace(agent, case) {
        Ok(pace) => Ok(Figure::Measured(pace)),
        Err(error) if ran_out(tested.backend, agent, &error) => Ok(Figure::unavailable(format!(
            "the same messages again and again run out of memory: {error}"
        ))),
        Err(error) => Err(tested.failed("while it was timed", error)),
    }
}

/// Times the messages of the last series with which memory grows, of fresh instances.
fn growing(tested: &LimitedAgent, backend: &dyn Backend) -> Result<Figure<Distribution>> {
    if tested.backend != BackendKind::Wasm {
        return Ok(Figure::unavailable("only the sandbox tells when memory grows"));
    }
    let mut times = Distribution::default();
    if let Some(case) = tested.cases.last() {
        for _ in 0..SAMPLES {
            let failed = |error| tested.failed("while it grew", error);
            let mut agent = tested.start(backend, case).map_err(failed)?;
            for exchange in &case.exchanges {
                let memory = agent.usage().memory;
                let before = Instant::now();
                agent.handle(&exchange.request).map_err(failed)?;
                let took = before.elapsed();
                if agent.usage().memory > memory {
                    times.record(took.as_nanos() as u64);
                }
            }
        }
    }
    if times.count() == 0 {
        return Ok(Figure::unavailable("memory does not grow with the workload's last series"));
    }
    Ok(Figure::Measured(times))
}
