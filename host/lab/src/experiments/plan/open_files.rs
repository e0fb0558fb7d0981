//! File descriptors: an agent that is granted a directory holds one of it.

use rustix::process::{Resource, getrlimit};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A process's descriptors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OpenFiles {
    /// Those that it has.
    pub used: u64,
    /// Those that it may have (`RLIMIT_NOFILE`, getrlimit(2); `ulimit -n`).
    pub limit: u64,
}

/// Descriptors that are left to the host: calls open files too, and so do threads and sockets.
const HOST: u64 = 64;

impl OpenFiles {
    /// Reads the numbers of this process; `None` where the kernel does not list them.
    pub fn now() -> Option<Self> {
        Some(Self {
            used: std::fs::read_dir("/proc/self/fd").ok()?.count() as u64,
            limit: getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX),
        })
    }

    /// Returns how many more descriptors agents may take.
    pub fn room(&self) -> u64 {
        self.limit.saturating_sub(self.used.saturating_add(HOST))
    }

    /// Returns the smallest limit with which agents may take so many more, in steps of 1,024.
    pub fn limit_for(&self, more: u64) -> u64 {
        (self.used + HOST + more).next_multiple_of(1_024)
    }
}
