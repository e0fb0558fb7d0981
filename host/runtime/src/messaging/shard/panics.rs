//! What panics, which is a defect of the host's side, takes nobody along who could be told.

use super::Shard;
use crate::messaging::client::Undelivered;
use crate::messaging::inbox::Contents;
use crate::{CallError, Fault};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A backend that panics, which standard error tells of, ends its agent and nothing else.
pub fn caught<R>(call: impl FnOnce() -> Result<R, CallError>) -> Result<R, CallError> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|_| {
        let text = "its backend panicked; standard error has the message";
        Err(Fault::Host(text.to_owned()).into())
    })
}

impl Shard {
    /// Dead-letters what is here, and tells those who wait.
    pub(super) fn give_up(&mut self, left: Contents) {
        self.accounts.accepted += left.from_clients.len() as u64;
        for envelope in left.from_clients.into_iter().chain(left.from_shards) {
            self.dead_letter(envelope, Undelivered::ShutDown);
        }
        for slot in 0..self.slots.len() as u32 {
            let stop = AssertUnwindSafe(|| self.stop(slot, &Undelivered::ShutDown));
            let _ = catch_unwind(stop);
        }
        self.hand_over();
    }
}
