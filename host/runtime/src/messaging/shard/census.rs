//! Counts of what is alive on a shard.

use super::Shard;
use super::slot::State;
use crate::Usage;
use crate::messaging::{Census, Residence, Roster};

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

    pub(super) fn roster(&self) -> Roster {
        let residents = self.slots.iter().filter_map(|slot| slot.resident.as_ref());
        let residence = residents.map(|resident| {
            let (calling, usage) = match &resident.state {
                State::Idle(started) => (0, started.agent().usage()),
                State::Calling(call) => (call.len() as u64, Usage::default()),
                State::Absent => (0, Usage::default()),
            };
            Residence {
                agent: resident.id,
                queued: resident.mailbox.len() as u64,
                calling,
                restarts: resident.record.restarts,
                usage,
            }
        });
        Roster { residents: residence.collect(), accounts: self.report() }
    }
}
