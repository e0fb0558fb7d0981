//! Many equal agents are started, all or none, without delaying the shard's other agents.

use super::{Shard, Spawn};
use crate::AgentId;
use crate::messaging::SpawnError;
use crate::messaging::address::Address;
use crate::messaging::client::DeliveryError;
use tokio::sync::oneshot;

/// Agents started per turn of the shard: some 0.3 ms.
const SPAWNS_PER_TURN: usize = 16;

/// Many equal agents that are being started, all or none.
pub struct BulkSpawn {
    spawn: Spawn,
    count: usize,
    started: Vec<AgentId>,
    answer: oneshot::Sender<Result<Vec<AgentId>, SpawnError>>,
}

impl BulkSpawn {
    pub fn new(
        spawn: Spawn,
        count: usize,
        answer: oneshot::Sender<Result<Vec<AgentId>, SpawnError>>,
    ) -> Self {
        Self { spawn, count, started: Vec::with_capacity(count), answer }
    }
}

impl Shard {
    /// Starts some more agents of the oldest bulk spawn.
    pub(super) fn continue_bulk_spawn(&mut self) {
        let Some(mut bulk) = self.bulk_spawns.pop_front() else {
            return;
        };
        let failed = self.spawn_some(&mut bulk).err();
        let outcome = match failed {
            // A receiver that is gone does not want the agents.
            None if bulk.answer.is_closed() => Err(SpawnError::ShutDown),
            None if bulk.started.len() < bulk.count => return self.bulk_spawns.push_front(bulk),
            None => Ok(bulk.started.clone()),
            Some(error) => Err(error),
        };
        if outcome.is_err() {
            for agent in bulk.started {
                self.stop(Address::from(agent).slot, &DeliveryError::Stopped);
            }
        }
        let _ = bulk.answer.send(outcome);
    }

    fn spawn_some(&mut self, bulk: &mut BulkSpawn) -> Result<(), SpawnError> {
        let missing = bulk.count - bulk.started.len();
        for _ in 0..missing.min(SPAWNS_PER_TURN) {
            bulk.started.push(self.spawn(bulk.spawn.clone())?);
        }
        Ok(())
    }
}
