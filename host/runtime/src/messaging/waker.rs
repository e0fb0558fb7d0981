//! Wakers of what a shard polls: from any thread, through the shard's inbox.

use super::registry::Registry;
use std::sync::Arc;
use std::task::{Wake, Waker};

/// A thing that the shard polls after it was woken.
#[derive(Debug, Clone, Copy)]
pub enum Woken {
    /// The call on a fiber of the agent in this slot. If another agent has the slot by now, it
    /// is polled once in vain.
    Slot(u32),
    /// A client's future.
    Task(u32),
}

/// Lets a shard poll in its next turn.
pub struct TurnWaker {
    registry: Arc<Registry>,
    shard: u8,
    what: Woken,
}

impl TurnWaker {
    pub fn of(registry: Arc<Registry>, shard: u8, what: Woken) -> Waker {
        Waker::from(Arc::new(Self { registry, shard, what }))
    }
}

impl Wake for TurnWaker {
    fn wake(self: Arc<Self>) {
        self.registry.inboxes[usize::from(self.shard)].wake(self.what);
    }
}
