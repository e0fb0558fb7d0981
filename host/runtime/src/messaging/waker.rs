//! Wakes what waits on a shard: from whatever thread, through the shard's inbox.

use super::registry::Registry;
use std::sync::Arc;
use std::task::{Wake, Waker};

/// What can go on.
#[derive(Debug, Clone, Copy)]
pub enum Woken {
    /// The call on a fiber of the agent in this slot. If another agent lives there by now,
    /// it is looked at once for nothing.
    Slot(u32),
    /// A client's work.
    Task(u32),
}

/// Wakes one of them in its shard's next turn.
pub struct TurnWaker {
    registry: Arc<Registry>,
    shard: u8,
    what: Woken,
}

impl TurnWaker {
    pub fn of(registry: Arc<Registry>, shard: u8, what: Woken) -> Waker {
        Waker::from(Arc::new(Self {
            registry,
            shard,
            what,
        }))
    }
}

impl Wake for TurnWaker {
    fn wake(self: Arc<Self>) {
        self.registry.inboxes[usize::from(self.shard)].wake(self.what);
    }
}
