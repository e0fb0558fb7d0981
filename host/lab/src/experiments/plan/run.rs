//! Plans one layout: what an agent costs, how many fit, and on request the proof.

use super::KIND;
use super::advice::Advice;
use super::density_probe::DensityProbe;
use super::found::Found;
use super::machine::Machine;
use super::predict::Capacity;
use crate::Result;
use crate::record::Part;
use crate::sampling::recorder::Recorder;
use sandlab_runtime::BackendKind;
use sandlab_runtime::config::Layout;

/// The most agents that are started to verify a plan without a number: what is beyond is
/// not in doubt, since every further one costs the same.
pub const MOST_VERIFIED: u64 = 100_000;

/// The share by which a prediction may be off.
pub const TOLERANCE: f64 = 0.15;

/// The request that a plan answers.
#[derive(Debug, Clone, Copy)]
pub struct PlanRequest {
    /// The number of agents that there have to be; `None` for as many as there can be.
    pub agents: Option<u64>,
    /// Set to start that many agents and compare.
    pub verify: bool,
}

/// Plans one layout.
///
/// # Errors
/// If an agent does not start, or does not answer as it must.
pub(super) fn plan(
    density: &DensityProbe,
    layout: Layout,
    machine: &Machine,
    request: &PlanRequest,
    to: &mut dyn Recorder,
) -> Result<()> {
    to.part(Part {
        backend: Some(BackendKind::Wasm),
        agents: request.agents.unwrap_or_default() as usize,
        size: Some(density.probe.request.len()),
        shards: density.shards,
        ..Part::new(KIND, &density.agent)
    })?;
    let cost = density.cost(layout, machine, &|| to.stopped())?;
    let capacity = Capacity::predict(density, layout, machine, cost);
    let asked = request.agents.unwrap_or(MOST_VERIFIED);
    let fits = asked.min(capacity.agents());
    to.found(&Found::Capacity(capacity))?;
    let advice = Advice::of(density, &capacity, machine, request)?;
    to.found(&Found::Advice(advice))?;
    let is_short = request.agents.is_some_and(|agents| agents > fits);
    if request.verify && fits > 0 && !is_short {
        let verified = density.verify(layout, fits, request, &capacity, &|| to.stopped())?;
        to.found(&Found::Verified(verified))?;
    }
    Ok(())
}
