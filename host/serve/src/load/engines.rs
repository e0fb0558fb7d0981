//! The engines that components are loaded into: one per sandbox config, since its pool takes
//! addresses and its clock a thread.

use super::Program;
use crate::config::Config;
use crate::snapshot::ProcessFigures;
use sandlab_runtime::config::Strategy;
use sandlab_runtime::wasm::SandboxEngine;
use sandlab_runtime::{LoadError, SandboxConfig};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// While an agent is replaced, its old instances and its new ones live at once.
const VERSIONS: u32 = 2;

/// The engines of a configuration.
#[derive(Default)]
pub struct Engines {
    all: Vec<Engine>,
    /// Slots that the agents of each sandbox config may take.
    wanted: Vec<(SandboxConfig, u32)>,
    hits: u64,
    misses: u64,
}

#[derive(Clone)]
struct Engine {
    id: u64,
    sandbox: SandboxConfig,
    slots: u32,
    engine: SandboxEngine,
}

/// Tells engines apart.
static NEXT: AtomicU64 = AtomicU64::new(1);

impl Engines {
    /// Returns those that have room for the agents of a configuration.
    pub fn for_config(&self, config: &Config) -> Self {
        let mut wanted: Vec<(SandboxConfig, u32)> = Vec::new();
        for agent in config.agents.values() {
            let sandbox = config.sandbox_of(agent);
            let slots = agent.instances.get().saturating_mul(VERSIONS);
            match wanted.iter_mut().find(|(known, _)| known == sandbox) {
                Some((_, all)) => *all = all.saturating_add(slots),
                None => wanted.push((sandbox.clone(), slots)),
            }
        }
        let has_room = |engine: &&Engine| {
            let fits =
                |(sandbox, slots): &(_, _)| engine.sandbox == *sandbox && engine.slots >= *slots;
            wanted.iter().any(fits)
        };
        let all = self.all.iter().filter(has_room).cloned().collect();
        Self { all, wanted, hits: self.hits, misses: self.misses }
    }

    /// Returns the engine of a sandbox config with its id; creates it if need be.
    ///
    /// # Errors
    /// If the machine cannot do what the sandbox config asks.
    pub fn engine(&mut self, sandbox: &SandboxConfig) -> Result<(u64, SandboxEngine), LoadError> {
        if let Some(known) = self.all.iter().find(|known| known.sandbox == *sandbox) {
            return Ok((known.id, known.engine.clone()));
        }
        let wanted = self.wanted.iter().find(|(known, _)| known == sandbox);
        let slots = wanted.map_or(0, |(_, slots)| *slots).max(sandbox.allocation.slots);
        let mut sized = sandbox.clone();
        sized.allocation.slots = slots;
        let engine = SandboxEngine::new(&sized)?;
        let id = NEXT.fetch_add(1, Relaxed);
        self.all.push(Engine { id, sandbox: sandbox.clone(), slots, engine: engine.clone() });
        Ok((id, engine))
    }

    /// Returns whether a program is of one of these engines.
    pub fn has(&self, program: &Program) -> bool {
        self.all.iter().any(|engine| engine.id == program.engine)
    }

    /// Counts a component that was compiled, or else taken from the cache.
    pub fn count(&mut self, was_compiled: bool) {
        *if was_compiled { &mut self.misses } else { &mut self.hits } += 1;
    }

    /// Adds what the pools have in use.
    pub fn add_to(&self, figures: &mut ProcessFigures) {
        for engine in &self.all {
            if engine.sandbox.allocation.strategy == Strategy::Pooled {
                figures.pool_slots += u64::from(engine.slots);
                figures.pool_slots_used += engine.engine.slots_in_use().unwrap_or(0);
            }
        }
        (figures.cache_hits, figures.cache_misses) = (self.hits, self.misses);
    }
}
