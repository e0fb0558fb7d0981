//! The same verified messages on several sides, interleaved.
//!
//! The unit of observation is a round: a fresh instance on every side, and two slices of
//! each, in the order A B C C B A, so that a drift of the machine cancels out; the next
//! round begins with B, so that no side always has its own caches still warm. Every reply
//! is checked before the clock runs and again after it, and every timed message must have
//! brought as many replies as the checked one.

use crate::record::{self, Sides};
use crate::sampling::open_loop::Go;
use crate::sampling::setup::{Loaded, Side};
use crate::sampling::timing::{count, overhead_ns, slice};
use crate::workload::Case;
use crate::{Error, Result};
use sandlab_runtime::Agent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long and how often to measure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Settings {
    /// Rounds a case, each with fresh instances.
    pub rounds: u32,
    /// How long a slice takes at least, so that the clock's own cost vanishes.
    #[serde(rename = "slice_ns", with = "nanoseconds")]
    #[schemars(with = "u64")]
    pub slice: Duration,
    /// The seed of the generated messages.
    pub seed: u64,
}

/// A duration as a whole number.
mod nanoseconds {
    use serde::{Deserialize, Deserializer, Serializer};
    use std::time::Duration;

    pub fn serialize<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(duration.as_nanos() as u64)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_nanos)
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            rounds: 30,
            slice: Duration::from_millis(2),
            seed: 1,
        }
    }
}

/// What one case measured, on every side that it ran on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sampled {
    /// Which agent.
    pub agent: String,
    /// The stated size; none for a workload from a file.
    pub size: Option<usize>,
    /// The messages' mean size, bytes.
    pub mean_bytes: u64,
    /// The sides, in the order that they were loaded.
    pub sides: Vec<Samples>,
    /// What timing added to a message, nanoseconds, at most; none if it was killed before
    /// that was measured.
    pub timing_ns: Option<f64>,
}

impl Sampled {
    /// How many rounds there are.
    pub fn rounds(&self) -> usize {
        self.sides.first().map_or(0, |side| side.ns.len())
    }

    /// What a side took by what another took in the same round, a number a round; none if
    /// one of them is not there.
    pub fn ratios(&self, side: &str, by: &str) -> Vec<f64> {
        let find = |name: &str| self.sides.iter().find(|side| side.side == name);
        let (Some(side), Some(by)) = (find(side), find(by)) else {
            return Vec::new();
        };
        let pairs = side.ns.iter().zip(&by.ns);
        pairs.map(|(ours, theirs)| ours / theirs).collect()
    }

    /// What it is, without its samples.
    pub(crate) fn case(&self, of: Sides) -> record::Case {
        record::Case {
            of,
            agent: self.agent.clone(),
            size: self.size,
            mean_bytes: self.mean_bytes,
            sides: self.sides.iter().map(|side| side.side.clone()).collect(),
        }
    }

    /// Adds whole rounds, each a little-endian f64 a side.
    pub(crate) fn add(&mut self, rounds: &[u8]) {
        let (samples, _) = rounds.as_chunks::<8>();
        for round in samples.chunks_exact(self.sides.len().max(1)) {
            for (side, ns) in self.sides.iter_mut().zip(round) {
                side.ns.push(f64::from_le_bytes(*ns));
            }
        }
    }
}

/// What one side took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Samples {
    /// The side's name: a backend, or a rung of the ladder.
    pub side: String,
    /// Nanoseconds a message, by round: the same index is the same round on every side.
    pub ns: Vec<f64>,
}

/// Measures one case on all sides, and passes on each round, the numbers of its sides, as
/// soon as it is over. It ends early when what takes them says so. Returns what timing
/// added to a message, nanoseconds, at most.
///
/// # Errors
/// If an agent fails, or replies what it must not, and those of what takes the rounds.
pub fn interleave(
    loaded: &Loaded,
    case: &Case,
    settings: &Settings,
    mut each: impl FnMut(Vec<f64>) -> Result<Go>,
) -> Result<f64> {
    let plans = loaded.sides.iter().map(|side| {
        let mut agent = loaded.start(side, case)?;
        let answers = verify(loaded, side, agent.as_mut(), case)?;
        let cycles = calibrate(loaded, side, agent.as_mut(), case, settings)?;
        Ok(Plan { answers, cycles })
    });
    let plans = plans.collect::<Result<Vec<_>>>()?;
    for number in 0..settings.rounds as usize {
        if each(round(loaded, case, &plans, number)?)? == Go::Stop {
            break;
        }
    }
    let most = plans.iter().map(|plan| plan.cycles).max().unwrap_or(1);
    Ok(overhead_ns(case, most))
}

/// Measures one case on all sides, and keeps its rounds in memory.
///
/// # Errors
/// As [`interleave`].
pub fn sample(loaded: &Loaded, case: &Case, settings: &Settings) -> Result<Sampled> {
    let sides = loaded.sides.iter().map(|side| Samples {
        side: side.name.clone(),
        ns: Vec::new(),
    });
    let mut sides: Vec<_> = sides.collect();
    let timing_ns = interleave(loaded, case, settings, |round| {
        for (side, ns) in sides.iter_mut().zip(round) {
            side.ns.push(ns);
        }
        Ok(Go::On)
    })?;
    Ok(Sampled {
        agent: loaded.agent.clone(),
        size: case.size,
        mean_bytes: case.mean_bytes(),
        sides,
        timing_ns: Some(timing_ns),
    })
}

/// What a slice of one side is made of.
struct Plan {
    /// The replies and sends that one cycle of the case brings.
    answers: u64,
    /// How many cycles make a slice.
    cycles: u32,
}

fn round(loaded: &Loaded, case: &Case, plans: &[Plan], number: usize) -> Result<Vec<f64>> {
    let mut agents = Vec::new();
    for side in &loaded.sides {
        let mut agent = loaded.start(side, case)?;
        verify(loaded, side, agent.as_mut(), case)?;
        agents.push(agent);
    }
    let mut ns = vec![0.0; agents.len()];
    let count = agents.len();
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
    for (side, agent) in loaded.sides.iter().zip(&mut agents) {
        verify(loaded, side, agent.as_mut(), case)?;
    }
    Ok(ns)
}

/// Sends every message once and checks what comes of it; returns how much came.
pub(super) fn verify(
    loaded: &Loaded,
    side: &Side,
    agent: &mut dyn Agent,
    case: &Case,
) -> Result<u64> {
    let mut answers = 0;
    for (index, exchange) in case.exchanges.iter().enumerate() {
        let step = format!(
            "message {} of {} bytes",
            index + 1,
            exchange.request.content.len()
        );
        let handled = agent
            .handle(&exchange.request)
            .map_err(|error| loaded.failed(side, &step, error))?;
        let checked = exchange.expected.check(&handled);
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

/// How many cycles make a slice.
pub(super) fn calibrate(
    loaded: &Loaded,
    side: &Side,
    agent: &mut dyn Agent,
    case: &Case,
    settings: &Settings,
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
