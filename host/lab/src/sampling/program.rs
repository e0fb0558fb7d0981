//! An agent that is loaded on one backend, ready to be started many times.

use super::backends;
use super::fleet::Fleet;
use super::open_loop::{Echo, Generator, WINDOW};
use crate::Result;
use crate::bundle::Subject;
use crate::record::Part;
use sandlab_runtime::messaging::Settings;
use sandlab_runtime::{Backend, BackendKind, SandboxConfig};
use std::sync::Arc;
use std::time::Duration;

/// An agent's program, loaded on one backend.
pub struct Program {
    /// The agent's name in reports.
    pub agent: String,
    /// Where it runs.
    pub backend: BackendKind,
    /// Starts its instances.
    pub start: Arc<dyn Backend>,
}

/// Children that a load starts at most: tokio has 512 threads for their calls, and each
/// child takes some MB.
pub const MAX_CHILDREN: usize = 500;

/// Loads an agent on each of these backends, with room for so many instances at once.
///
/// # Errors
/// If it does not load there.
pub fn programs(
    subject: &Subject,
    backends: &[BackendKind],
    agents: usize,
    sandbox: &SandboxConfig,
) -> Result<Vec<Program>> {
    let mut sandbox = sandbox.clone();
    // And one that is called alone.
    let slots = u32::try_from(agents).unwrap_or(u32::MAX).saturating_add(1);
    sandbox.allocation.slots = sandbox.allocation.slots.max(slots);
    let load = |kind: &BackendKind| {
        Ok(Program {
            agent: subject.name(),
            backend: *kind,
            start: backends::backend(subject, *kind, &sandbox)?,
        })
    };
    backends.iter().map(load).collect()
}

impl Program {
    /// Returns why it cannot run so many agents; `None` if it can.
    pub fn refuses(&self, agents: usize) -> Option<String> {
        let too_many = self.backend == BackendKind::Process && agents > MAX_CHILDREN;
        too_many.then(|| {
            format!(
                "{agents} agents would be as many child processes; at most {MAX_CHILDREN} are \
                 started"
            )
        })
    }

    /// Returns the part of a run that loads so many of its agents.
    pub fn part(
        &self,
        kind: &str,
        agents: usize,
        size: usize,
        rate: Option<f64>,
        shards: usize,
    ) -> Part {
        Part {
            backend: Some(self.backend),
            agents,
            size: Some(size),
            rate,
            shards,
            ..Part::new(kind, &self.agent)
        }
    }

    /// Starts so many of its agents.
    ///
    /// # Errors
    /// If a shard or an agent does not start.
    pub fn fleet(&self, agents: usize, shards: usize) -> Result<Fleet> {
        let settings = Settings { shards, ..Settings::default() };
        Fleet::start(&self.start, agents, settings, &Default::default())
    }
}

/// Returns a generator of messages that a fleet echoes.
pub fn echoing(fleet: &Fleet, size: usize) -> Generator<Echo> {
    let script = Echo::new(fleet.agents.clone(), size);
    Generator::new(fleet.runtime.connect(WINDOW), script)
}

/// Returns how long a window of an open loop is: a sixtieth of the load, so that there are
/// enough for a trend, but between 100 ms and 10 s.
pub fn window_of(duration: Duration) -> Duration {
    (duration / 60).clamp(Duration::from_millis(100), Duration::from_secs(10))
}
