//! What a message costs on each backend: the same messages, interleaved.
//!
//! The unit of observation is a round: a fresh instance on every backend, and two slices
//! of each, in the order A B C C B A, so that a drift of the machine cancels out. Every
//! reply is checked before the clock runs and again after it, and every timed message
//! must have brought as many bytes as the checked one.

use super::setup::Loaded;
use super::timing::{overhead_ns, slice, volume};
use crate::workload::Case;
use crate::{Error, Result};
use sandlab_runtime::{Agent, BackendKind};
use serde::Serialize;
use std::time::Duration;

/// How a comparison is done.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Settings {
    /// Rounds a case, each with fresh instances.
    pub rounds: u32,
    /// How long a slice takes at least, so that the clock's own cost vanishes.
    pub slice: Duration,
    /// The seed of the generated messages.
    pub seed: u64,
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

/// What one case measured.
#[derive(Debug, Clone, Serialize)]
pub struct Sampled {
    /// Which agent.
    pub agent: String,
    /// The stated size; none for a workload from a file.
    pub size: Option<usize>,
    /// The messages' mean size, bytes.
    pub mean_bytes: u64,
    /// Nanoseconds a message, by backend and round: the same index is the same round.
    pub ns: Vec<(BackendKind, Vec<f64>)>,
    /// What timing added to a message, nanoseconds, at most.
    pub timing_ns: f64,
}

/// Measures one case on all backends. `stop` ends it after a round; what was measured stays.
///
/// # Errors
/// If an agent fails, or replies what it must not.
pub fn compare(
    loaded: &Loaded,
    case: &Case,
    settings: &Settings,
    stop: &dyn Fn() -> bool,
) -> Result<Sampled> {
    let mut expected = Vec::new();
    let mut cycles = Vec::new();
    for backend in &loaded.backends {
        let mut agent = loaded.start(backend.as_ref(), case)?;
        let bytes = verify(loaded, backend.kind(), agent.as_mut(), case)?;
        expected.push(bytes);
        cycles.push(calibrate(
            loaded,
            backend.kind(),
            agent.as_mut(),
            case,
            settings,
        )?);
    }
    let mut ns: Vec<_> = loaded
        .backends
        .iter()
        .map(|b| (b.kind(), Vec::new()))
        .collect();
    for _ in 0..settings.rounds {
        if stop() {
            break;
        }
        let round = round(loaded, case, &cycles, &expected)?;
        for ((_, samples), sample) in ns.iter_mut().zip(round) {
            samples.push(sample);
        }
    }
    Ok(Sampled {
        agent: loaded.agent.clone(),
        size: case.size,
        mean_bytes: case.mean_bytes(),
        ns,
        timing_ns: overhead_ns(case, cycles.iter().copied().max().unwrap_or(1)),
    })
}

fn round(loaded: &Loaded, case: &Case, cycles: &[u32], expected: &[u64]) -> Result<Vec<f64>> {
    let mut agents = Vec::new();
    for backend in &loaded.backends {
        let mut agent = loaded.start(backend.as_ref(), case)?;
        verify(loaded, backend.kind(), agent.as_mut(), case)?;
        agents.push(agent);
    }
    let mut ns = vec![0.0; agents.len()];
    let order = (0..agents.len()).chain((0..agents.len()).rev());
    for index in order {
        let kind = loaded.backends[index].kind();
        let slice = slice(agents[index].as_mut(), case, cycles[index])
            .map_err(|error| loaded.failed(kind, "while it was timed", error))?;
        let bytes = expected[index] * u64::from(cycles[index]);
        if slice.bytes != bytes {
            return Err(Error::WrongReply {
                agent: loaded.agent.clone(),
                backend: kind,
                step: "while it was timed".to_owned(),
                reason: format!("expected {bytes} bytes in all, got {}", slice.bytes),
            });
        }
        ns[index] += slice.ns / 2.0;
    }
    for (backend, agent) in loaded.backends.iter().zip(&mut agents) {
        verify(loaded, backend.kind(), agent.as_mut(), case)?;
    }
    Ok(ns)
}

/// Sends every message once and checks what comes of it; returns the bytes that came.
fn verify(loaded: &Loaded, kind: BackendKind, agent: &mut dyn Agent, case: &Case) -> Result<u64> {
    let mut bytes = 0;
    for (index, exchange) in case.exchanges.iter().enumerate() {
        let step = format!(
            "message {} of {} bytes",
            index + 1,
            exchange.request.content.len()
        );
        let handled = agent
            .handle(&exchange.request)
            .map_err(|error| loaded.failed(kind, &step, error))?;
        let checked = exchange.expected.check(&handled);
        checked.map_err(|reason| Error::WrongReply {
            agent: loaded.agent.clone(),
            backend: kind,
            step,
            reason,
        })?;
        bytes += volume(&handled);
    }
    Ok(bytes)
}

/// How many cycles make a slice.
fn calibrate(
    loaded: &Loaded,
    kind: BackendKind,
    agent: &mut dyn Agent,
    case: &Case,
    settings: &Settings,
) -> Result<u32> {
    let mut cycles = 1_u32;
    loop {
        let slice = slice(agent, case, cycles)
            .map_err(|error| loaded.failed(kind, "while it was timed", error))?;
        if slice.took >= settings.slice || cycles >= 1 << 24 {
            return Ok(cycles);
        }
        let missing = settings.slice.as_secs_f64() / slice.took.as_secs_f64().max(1e-9);
        cycles = cycles.saturating_mul((missing * 1.2).ceil().clamp(2.0, 100.0) as u32);
    }
}
