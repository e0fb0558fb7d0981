//! The threads that agents live on.

use super::Settings;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::io;
use std::ops::Range;
use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id, thread_schedule_policy,
};

/// The threads that an agent lives on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Placement {
    /// The shards. An agent waits for the calls of its neighbours on the same shard, up to their
    /// deadline.
    #[default]
    Shards,
    /// Separate threads, which the kernel runs only while a core is otherwise idle
    /// (`SCHED_IDLE`, see sched(7)): for untrusted agents. These share the threads with each
    /// other, and on a fully loaded machine they can reach their deadlines without having run.
    Quarantine,
}

impl Settings {
    /// Returns the number of threads, shards and quarantine.
    pub(super) fn threads(&self) -> usize {
        self.shards + self.quarantine
    }

    /// Returns the indices of a placement's threads.
    pub(super) fn threads_of(&self, placement: Placement) -> Range<usize> {
        match placement {
            Placement::Shards => 0..self.shards,
            Placement::Quarantine => self.shards..self.threads(),
        }
    }

    /// Returns the index of one of them, by `index` modulo their number.
    pub(super) fn thread(&self, placement: Placement, index: usize) -> usize {
        let threads = self.threads_of(placement);
        threads.start + index % threads.len()
    }
}

/// Lets this thread run only while a core is otherwise idle, as the quarantine's own threads:
/// for threads that load and start untrusted agents.
///
/// A high nice value is not enough: since Linux 6.6 a thread that wakes up waits for the rest
/// of the running thread's slice of some 3 ms, however nice that is. A thread with this policy
/// is preempted at once.
///
/// # Errors
/// If the kernel refuses the policy.
pub fn set_idle_priority() -> io::Result<()> {
    let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
    let set = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, idle);
    // The nice value is set after the policy, and this policy does not use it; under nice(1)
    // a program may not lower it.
    if thread_schedule_policy().is_ok_and(|policy| policy == idle) {
        return Ok(());
    }
    let why = set.err().map_or("it does not say why".to_owned(), |error| error.to_string());
    Err(io::Error::other(format!(
        "the kernel does not let a thread run at idle priority (SCHED_IDLE): {why}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quarantine_begins_behind_the_shards_and_wraps_around() {
        let settings = Settings { shards: 2, quarantine: 3, ..Settings::default() };
        let placed = |placement| [0, 1, 2, 3].map(|turn| settings.thread(placement, turn));
        assert_eq!(placed(Placement::Shards), [0, 1, 0, 1]);
        assert_eq!(placed(Placement::Quarantine), [2, 3, 4, 2]);
    }
}
