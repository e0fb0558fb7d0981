//! How many agents this machine holds, in each layout: predicted from a few, and on request
//! verified with all.

mod advice;
mod crowd;
mod fill;
mod machine;
mod open_files;
mod predict;

pub use advice::{Advice, layout};
pub use crowd::Crowd;
pub use fill::{Fill, Filled, Reading, fill};
pub use machine::Machine;
pub use open_files::OpenFiles;
pub use predict::{Bound, Capacity, Cost, Verified};

use crate::Result;
use crate::experiments::record::{Experiment, Finding, Part, Recorder};
use crate::record::Entry;
use sandlab_runtime::BackendKind;
use sandlab_runtime::config::Layout;

/// The most agents that are started to verify a plan without a number: what is beyond is
/// not in doubt, since every further one costs the same.
pub const MOST_VERIFIED: u64 = 100_000;

/// How far a prediction may be off.
pub const TOLERANCE: f64 = 0.15;

/// What is planned for.
#[derive(Debug, Clone, Copy)]
pub struct Wish {
    /// How many agents there have to be; without it, as many as there can be.
    pub agents: Option<u64>,
    /// Whether to start them.
    pub verify: bool,
}

/// Plans one layout.
///
/// # Errors
/// If an agent does not start, or does not answer as it must.
pub fn plan(
    crowd: &Crowd,
    layout: Layout,
    machine: &Machine,
    wish: &Wish,
    to: &mut dyn Recorder,
) -> Result<()> {
    to.record(Entry::Part(Part {
        experiment: Experiment::Plan,
        agent: crowd.agent.clone(),
        backend: BackendKind::Wasm,
        agents: wish.agents.unwrap_or_default() as usize,
        size: crowd.greeting.request.len(),
        rate: None,
        shards: crowd.shards,
        closed: None,
    }))?;
    let cost = crowd.cost(layout, machine)?;
    let capacity = Capacity::predict(crowd, layout, machine, cost);
    let asked = wish.agents.unwrap_or(MOST_VERIFIED);
    let fits = asked.min(capacity.agents());
    to.finding(Finding::Capacity(Box::new(capacity)))?;
    let advice = Advice::of(crowd, &capacity, machine, wish)?;
    to.finding(Finding::Advice(Box::new(advice)))?;
    let is_short = wish.agents.is_some_and(|agents| agents > fits);
    if wish.verify && fits > 0 && !is_short {
        let verified = crowd.verify(layout, fits, wish, &capacity)?;
        to.finding(Finding::Verified(Box::new(verified)))?;
    }
    Ok(())
}
