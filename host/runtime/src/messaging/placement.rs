//! Among whom an agent lives.

use super::Settings;
use std::io;
use std::ops::Range;
use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id, thread_schedule_policy,
};

/// Among whom an agent lives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Placement {
    /// On the shards. A call of a neighbour on the same shard is waited for, up to its deadline.
    #[default]
    Shards,
    /// On threads of their own, which the kernel lets run while a core has nothing else to
    /// do (`SCHED_IDLE`, see sched(7)): for agents that nobody vouches for. They share
    /// those threads with each other, and on a machine with no time left they can come to
    /// the end of their deadlines without having run.
    Quarantine,
}

impl Settings {
    /// How many threads agents live on.
    pub(super) fn threads(&self) -> usize {
        self.shards + self.quarantine
    }

    /// The threads that agents so placed live on.
    pub(super) fn threads_of(&self, placement: Placement) -> Range<usize> {
        match placement {
            Placement::Shards => 0..self.shards,
            Placement::Quarantine => self.shards..self.threads(),
        }
    }

    /// One of them, counted round and round.
    pub(super) fn thread(&self, placement: Placement, turn: usize) -> usize {
        let threads = self.threads_of(placement);
        threads.start + turn % threads.len()
    }
}

/// Lets this thread run only where no other would: for those that load and start agents which
/// nobody vouches for, as for the quarantine's own.
///
/// A low priority does not do: on kernels from 6.6 a thread that was woken waits for the
/// running one's slice of some 3 ms, however nice that is. One of this policy it ends at once.
///
/// # Errors
/// If the kernel does not take the policy.
pub fn give_way() -> io::Result<()> {
    let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
    let set = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, idle);
    // The niceness, set after the policy, is not a program's to lower under nice(1), and
    // this policy has no use for it.
    if thread_schedule_policy().is_ok_and(|policy| policy == idle) {
        return Ok(());
    }
    let why = set
        .err()
        .map_or("it does not say why".to_owned(), |error| error.to_string());
    Err(io::Error::other(format!(
        "the kernel does not let a thread give way to others (SCHED_IDLE): {why}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quarantine_begins_behind_the_shards_and_goes_round() {
        let settings = Settings {
            shards: 2,
            quarantine: 3,
            ..Settings::default()
        };
        let placed = |placement| [0, 1, 2, 3].map(|turn| settings.thread(placement, turn));
        assert_eq!(placed(Placement::Shards), [0, 1, 0, 1]);
        assert_eq!(placed(Placement::Quarantine), [2, 3, 4, 2]);
    }
}
