//! A panic on the host's side is a defect, and ends as little as possible.

use super::Shard;
use crate::messaging::client::DeliveryError;
use crate::messaging::inbox::Contents;
use crate::{CallError, Cause};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Turns a panic of a backend, which standard error reports, into a fault of its agent.
pub fn catch_panic<R>(call: impl FnOnce() -> Result<R, CallError>) -> Result<R, CallError> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|_| {
        let text = "its backend panicked; standard error has the message";
        Err(Cause::Host(text.to_owned()).into())
    })
}

impl Shard {
    /// Dead-letters every message of the shard, so that no sender waits in vain.
    pub(super) fn dead_letter_all(&mut self, left: Contents) {
        self.accounts.accepted += left.from_clients.len() as u64;
        for envelope in left.from_clients.into_iter().chain(left.from_shards) {
            self.dead_letter(envelope, DeliveryError::ShutDown);
        }
        for slot in 0..self.slots.len() as u32 {
            let stop = AssertUnwindSafe(|| self.stop(slot, &DeliveryError::ShutDown));
            let _ = catch_unwind(stop);
        }
        self.flush_outgoing();
    }
}
