//! Times the phases of a start.

use super::found::Phase;
use std::time::Instant;

/// The phases of one start, in order.
#[derive(Default)]
pub(super) struct Clock {
    pub(super) phases: Vec<(Phase, f64)>,
    last: Option<Instant>,
}

impl Clock {
    pub(super) fn start() -> Self {
        Self { phases: Vec::new(), last: Some(Instant::now()) }
    }

    /// Counts the time since the last call as this phase, of each of so many agents.
    pub(super) fn lap(&mut self, phase: Phase, agents: usize) {
        let now = Instant::now();
        if let Some(last) = self.last {
            let took = now.duration_since(last).as_nanos() as f64;
            self.phases.push((phase, took / agents as f64));
        }
        self.last = Some(Instant::now());
    }

    /// Leaves out the time since the last call.
    pub(super) fn skip(&mut self) {
        self.last = Some(Instant::now());
    }

    /// Adds the sum of all phases until the first reply.
    pub(super) fn sum(&mut self) {
        let counted = self.phases.iter().filter(|(phase, _)| *phase != Phase::Drop);
        let sum = counted.map(|(_, ns)| ns).sum();
        self.phases.push((Phase::ToFirstReply, sum));
    }
}
