//! Wakes a call on a fiber: from whatever thread, through its shard's inbox.

use super::registry::Registry;
use std::sync::Arc;
use std::task::{Wake, Waker};

/// One slot's waker.
pub struct SlotWaker {
    registry: Arc<Registry>,
    shard: u8,
    slot: u32,
}

impl SlotWaker {
    pub fn of(registry: Arc<Registry>, shard: u8, slot: u32) -> Waker {
        Waker::from(Arc::new(Self {
            registry,
            shard,
            slot,
        }))
    }
}

impl Wake for SlotWaker {
    fn wake(self: Arc<Self>) {
        // A slot that has another agent by now is polled once for nothing.
        self.registry.inboxes[usize::from(self.shard)].wake(self.slot);
    }
}
