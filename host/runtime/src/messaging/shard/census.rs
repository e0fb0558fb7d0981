//! What lives on a shard.

use super::Shard;
use crate::Usage;
use crate::messaging::Census;
use crate::messaging::slot::State;

impl Shard {
    pub(super) fn census(&self) -> Census {
        let accounts = self.report();
        let tasks = self.tasks.iter().flatten().count() as u64;
        let mut census = Census {
            agents: accounts.agents,
            queued: accounts.queued,
            tasks,
            linear_memory: 0,
        };
        for resident in self.slots.iter().filter_map(|slot| slot.resident.as_ref()) {
            let usage = match &resident.state {
                State::Idle(agent) => agent.usage(),
                State::IdleAsync(agent) => agent.usage(),
                State::Calling(_) => {
                    census.tasks += 1;
                    Usage::default()
                }
                State::Away => Usage::default(),
            };
            census.linear_memory += usage.memory.unwrap_or(0);
        }
        census
    }
}
