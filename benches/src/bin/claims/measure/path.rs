//! Measures the cost of the message path: bare calls per second ÷ messages per second on the same
//! cores.

use super::cores;
use anyhow::{Result, anyhow};
use bytesize::ByteSize;
use sandlab::bundle;
use sandlab::experiments::by_hand::{ByHand, Knobs};
use sandlab::record::{Clients, ClosedLoop, Mode};
use sandlab::sampling::closed_loop::throughput;
use sandlab::sampling::ring;
use sandlab::stats::Estimate;
use sandlab_benches::by_wasmtime;
use sandlab_runtime::wasm::SandboxEngine;
use sandlab_runtime::{Agent, Backend, Directory, Message, Peers, SandboxConfig};
use serde::Deserialize;
use std::sync::Arc;
use std::time::{Duration, Instant};

const ROUNDS: usize = 9;
/// The time that each side is measured in a round.
const DURATION: Duration = Duration::from_secs(1);

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ThroughClients {
    clients: Clients,
    agents: usize,
    size: ByteSize,
    /// Messages per client; there is one client per core.
    in_flight: u32,
}

/// Measures the path with clients that ask agents.
pub fn clients(parameters: ThroughClients) -> Result<Estimate> {
    let size = parameters.size.as_u64() as usize;
    let load = ClosedLoop {
        agents: parameters.agents,
        strategy: Default::default(),
        size,
        depth: parameters.in_flight,
        connections: cores()?,
        clients: parameters.clients,
        mode: Mode::Ask,
        duration: DURATION,
    };
    let backend = backend("echo", load.agents)?;
    let through_path = || Ok(throughput(&backend, &load)?.rate());
    vs_bare_calls("echo", load.agents, &vec![0x5a; size], through_path)
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Ring {
    agents: usize,
    size: ByteSize,
    /// Tokens per core.
    in_flight: usize,
}

/// Measures the path with agents that pass tokens on to each other in a ring.
pub fn ring(parameters: Ring) -> Result<Estimate> {
    let size = parameters.size.as_u64() as usize;
    let ring = ring::Ring {
        agents: parameters.agents,
        size,
        tokens: parameters.in_flight * cores()?,
        duration: DURATION,
    };
    let backend = backend("relay", ring.agents)?;
    // The number of hops that a token has left, and padding.
    let mut token = u32::MAX.to_le_bytes().to_vec();
    token.resize(size.max(token.len()), 0x5a);
    let through_path = || Ok(ring::ring(&backend, &ring)?);
    vs_bare_calls("relay", ring.agents, &token, through_path)
}

/// Returns a sandbox config whose pool has room for the agents of both sides.
fn sandbox(agents: usize) -> SandboxConfig {
    let mut sandbox = SandboxConfig::default();
    sandbox.allocation.slots = agents as u32 + 10;
    sandbox
}

fn backend(agent: &str, agents: usize) -> Result<Arc<dyn Backend>> {
    let subject = bundle::find(agent, &mut |_| {})?;
    let sandbox = SandboxEngine::new(&sandbox(agents))?.load(&subject.component())?;
    Ok(Arc::new(sandbox))
}

fn vs_bare_calls(
    agent: &str,
    agents: usize,
    content: &[u8],
    through_path: impl Fn() -> Result<f64>,
) -> Result<Estimate> {
    let subject = bundle::find(agent, &mut |_| {})?;
    let component = std::fs::read(subject.component())?;
    let knobs = Knobs { epochs: true, wasi: true, ..Knobs::default() };
    let by_hand = ByHand::load(&component, &sandbox(agents), knobs).map_err(by_wasmtime)?;
    let bare_calls = || bare_calls(&by_hand, agents, content);
    super::ratio(ROUNDS, bare_calls, through_path)
}

/// Returns calls per second by a thread per core, each over its share of the agents in turn.
fn bare_calls(by_hand: &ByHand, agents: usize, content: &[u8]) -> Result<f64> {
    let threads = cores()?;
    let share = || -> Result<f64> {
        let peers: Peers = (0..2).map(|n| (format!("relay-{n}"), n + 2)).collect();
        let peers: Arc<dyn Directory> = Arc::new(peers);
        let start = |_| -> Result<_> {
            let mut agent = by_hand.instantiate(peers.clone()).map_err(by_wasmtime)?;
            agent.call_configure(b"ring relay-0").ok();
            Ok(agent)
        };
        let mut agents = (0..agents / threads).map(start).collect::<Result<Vec<_>>>()?;
        let message = Message::request(content);
        let start = Instant::now();
        let mut calls = 0_u64;
        while start.elapsed() < DURATION {
            for agent in &mut agents {
                std::hint::black_box(agent.handle(&message)?);
                calls += 1;
            }
        }
        Ok(calls as f64 / start.elapsed().as_secs_f64())
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(share)).collect();
        let rates = threads.into_iter().map(|thread| {
            let joined = thread.join();
            joined.map_err(|_| anyhow!("a thread of bare calls panicked"))?
        });
        rates.sum::<Result<f64>>()
    })
}
