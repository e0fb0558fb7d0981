//! Loads on the whole message path, one kind a file, and what they share.

mod burst;
mod closed;
mod max_rate;
pub mod quick;
mod recovery;
mod response;
mod scale;
mod steady;
mod sustained;

pub use burst::{Burst, burst};
pub use closed::closed;
pub use max_rate::{MaxRate, Search, Step, max_rate};
pub use recovery::{Recoveries, Recovery, Trap, recovery};
pub use response::response;
pub use scale::{Footprint, Scale, scale};
pub use steady::{Steady, steady};
pub use sustained::{Cycle, Sustained, sustained};

use crate::Result;
use crate::experiments::record::{Experiment, Part};
use crate::sampling::fleet::Fleet;
use crate::sampling::open_loop::{Echo, Generator, WINDOW};
use sandlab_runtime::messaging::Settings;
use sandlab_runtime::{Backend, BackendKind};
use std::sync::Arc;
use std::time::Duration;

/// An agent's program, loaded on one backend.
pub struct Program {
    /// What reports call the agent.
    pub agent: String,
    /// Where it runs.
    pub backend: BackendKind,
    /// What starts its instances.
    pub start: Arc<dyn Backend>,
}

/// Children that a load starts at most: tokio has 512 threads for their calls, and each
/// child takes some MB.
pub const MAX_CHILDREN: usize = 500;

impl Program {
    /// Why it cannot run so many agents, if it cannot.
    pub(super) fn refuses(&self, agents: usize) -> Option<String> {
        let too_many = self.backend == BackendKind::Process && agents > MAX_CHILDREN;
        too_many.then(|| {
            format!("{agents} agents would be as many child processes; at most {MAX_CHILDREN} are started")
        })
    }

    fn part(
        &self,
        experiment: Experiment,
        agents: usize,
        size: usize,
        rate: Option<f64>,
        shards: usize,
    ) -> Part {
        Part {
            experiment,
            agent: self.agent.clone(),
            backend: self.backend,
            agents,
            size,
            rate,
            shards,
            closed: None,
        }
    }

    fn fleet(&self, agents: usize, shards: usize) -> Result<Fleet> {
        let settings = Settings {
            shards,
            ..Settings::default()
        };
        Fleet::start(&self.start, agents, settings, &Default::default())
    }
}

/// A generator of messages that a fleet echoes.
fn echoing(fleet: &Fleet, size: usize) -> Generator<Echo> {
    let script = Echo::new(fleet.agents.clone(), size);
    Generator::new(fleet.runtime.connect(WINDOW), script)
}

/// How long an interval of a load is: a sixtieth of it, so that there are enough for a
/// trend, but between 100 ms and 10 s.
fn interval_of(duration: Duration) -> Duration {
    (duration / 60).clamp(Duration::from_millis(100), Duration::from_secs(10))
}
