//! The ways to start an instance in a sandbox, whatever kind it is of.

use super::clock::Clock;
use super::run::Starting;
use crate::Result;
use crate::sampling::at_once::at_once;
use std::thread;

/// Starts instances of one component, each until its first reply was checked.
///
/// All fail if the instance does not start, or answers something else than it must.
pub(super) trait Starts: Send + Sync {
    /// Compiles the component first.
    fn cold(&self, what: &Starting) -> Result<Clock>;

    /// Reads what was compiled before from the cache first.
    fn cached(&self, what: &Starting) -> Result<Clock>;

    /// Lets the kernel map the instance's memory.
    fn on_demand(&self, what: &Starting) -> Result<Clock>;

    /// Takes memory that a pool has mapped.
    fn pooled(&self, what: &Starting) -> Result<Clock>;

    /// Starts one on each core at once, each as [`pooled`](Self::pooled).
    fn concurrent(&self, what: &Starting) -> Result<Vec<Clock>>;

    /// Starts many that stay, each as [`pooled`](Self::pooled): they are compared with as many on
    /// the message path.
    fn many(&self, what: &Starting) -> Result<Clock>;
}

/// Starts one on each core at once.
pub(super) fn on_all_cores(start: &(dyn Fn() -> Result<Clock> + Sync)) -> Result<Vec<Clock>> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    at_once((0..cores).map(|_| start))
}
