//! Starts of `echo`: alone, from the pool, and on the message path.

use super::call::{Parameters, paired};
use anyhow::{Result, ensure};
use sandlab::bundle;
use sandlab::sampling::backends;
use sandlab::stats::Estimate;
use sandlab_benches::{Echo, exchange, exchange_by_hand};
use sandlab_runtime::config::Strategy;
use sandlab_runtime::messaging::{self, AgentOptions, Runtime};
use sandlab_runtime::{Backend, BackendKind, Identity, SandboxConfig};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Instant;

/// Measures spawn, first reply and drop: sandlab-runtime ÷ hand-written wasmtime.
pub fn spawn(parameters: Parameters) -> Result<Estimate> {
    let echo = Echo::load(&SandboxConfig::default())?;
    let message = parameters.message();
    paired(
        || Ok(Box::new(|| exchange(echo.ours()?.as_mut(), &message))),
        || Ok(Box::new(|| exchange_by_hand(&mut echo.by_hand()?, &message))),
        300,
    )
}

/// Measures spawn, first reply and drop: pooled ÷ on demand.
pub fn pool(parameters: Parameters) -> Result<Estimate> {
    let pooled = Echo::load(&SandboxConfig::default())?;
    let mut sandbox = SandboxConfig::default();
    sandbox.allocation.strategy = Strategy::OnDemand;
    let on_demand = Echo::load(&sandbox)?;
    let message = parameters.message();
    paired(
        || Ok(Box::new(|| exchange(pooled.ours()?.as_mut(), &message))),
        || Ok(Box::new(|| exchange(on_demand.ours()?.as_mut(), &message))),
        300,
    )
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Managed {
    /// Started at once on each side, and kept until all have started.
    agents: usize,
}

/// Measures a start on the message path ÷ one with hand-written wasmtime.
pub fn managed(Managed { agents }: Managed) -> Result<Estimate> {
    let (runtime, backend) = on_path(BackendKind::Wasm)?;
    let echo = Echo::load(&SandboxConfig::default())?;
    let by_hand = || {
        let start = Instant::now();
        let started = (0..agents).map(|_| echo.by_hand());
        let started = started.collect::<Result<Vec<_>>>()?;
        let took = start.elapsed().as_secs_f64() / agents as f64;
        drop(started);
        Ok(took)
    };
    super::ratio(205, || start_managed(&runtime, &backend, agents), by_hand)
}

/// Measures a start on the message path ÷ that of a child process.
pub fn managed_vs_process(Managed { agents }: Managed) -> Result<Estimate> {
    let (runtime, backend) = on_path(BackendKind::Wasm)?;
    let (_, process) = on_path(BackendKind::Process)?;
    let start_process = || {
        let start = Instant::now();
        let child = process.spawn(Identity::alone())?;
        let took = start.elapsed().as_secs_f64();
        drop(child);
        Ok(took)
    };
    let start_managed = || start_managed(&runtime, &backend, agents);
    super::ratio(41, start_managed, start_process)
}

/// Returns the seconds per agent that starting all at once takes; stopping is not timed.
fn start_managed(runtime: &Runtime, backend: &Arc<dyn Backend>, agents: usize) -> Result<f64> {
    let options = AgentOptions::default();
    let start = Instant::now();
    let started = runtime.spawn_many_on(0, backend, &options, agents)?;
    let took = start.elapsed().as_secs_f64() / agents as f64;
    for agent in started {
        ensure!(runtime.stop(agent), "agent {agent} ended before its stop");
    }
    Ok(took)
}

/// Returns a runtime with one shard, and `echo` as a backend for it.
fn on_path(kind: BackendKind) -> Result<(Runtime, Arc<dyn Backend>)> {
    let subject = bundle::find("echo", &mut |_| {})?;
    let settings = messaging::Settings { shards: 1, ..messaging::Settings::default() };
    let backend = backends::backend(&subject, kind, &SandboxConfig::default(), &[])?;
    Ok((Runtime::start(settings)?, backend))
}
