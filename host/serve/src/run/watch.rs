//! A host is watched while it serves.

use crate::alerts::Say;
use crate::config::Config;
use crate::host::Host;
use crate::monitor::{MonitorError, ProductionMonitor, Watched};
use tokio::runtime::Handle;

/// Starts to watch a host, within the runtime that serves it; `None` if nobody wants to know.
///
/// # Errors
/// If the machine gives no thread.
pub fn start(
    config: &Config,
    host: &Host,
    say: &Say,
) -> Result<Option<ProductionMonitor>, MonitorError> {
    if config.objectives.is_empty() {
        return Ok(None);
    }
    let (host, runtime) = (host.clone(), Handle::current());
    let watched = Watched {
        objectives: config.objectives.clone(),
        destinations: config.alerts.clone(),
        // The monitor has a thread of its own, which may block.
        take: Box::new(move || runtime.block_on(host.snapshot())),
        sinks: Vec::new(),
        say: say.clone(),
    };
    ProductionMonitor::start(&config.monitor, watched).map(Some)
}
