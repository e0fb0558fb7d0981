//! Counts of what is alive on a shard.

use super::Shard;
use super::slot::State;
use crate::messaging::Census;

impl Shard {
    pub(super) fn census(&self) -> Census {
        let accounts = self.report();
        let mut census = Census {
            agents: accounts.agents,
            queued: accounts.queued,
            tasks: self.tasks.len() as u64,
            linear_memory: 0,
        };
        for resident in self.slots.iter().filter_map(|slot| slot.resident.as_ref()) {
            match &resident.state {
                State::Idle(started) => {
                    census.linear_memory += started.agent().usage().memory.unwrap_or(0);
                }
                State::Calling(_) => census.tasks += 1,
                State::Absent => {}
            }
        }
        census
    }
}
