//! A host is watched while it serves.

use crate::Snapshot;
use crate::alerts::Say;
use crate::config::Config;
use crate::host::Host;
use crate::monitor::{MonitorError, ProductionMonitor, Sink, Watched};
use crate::slo::Standing;
use jiff::Timestamp;
use tokio::runtime::Handle;

/// Starts to watch a host, within the runtime that serves it; `None` if nobody wants to know.
///
/// # Errors
/// If the machine gives no thread.
pub fn start(
    config: &Config,
    host: &Host,
    say: &Say,
    mut sinks: Vec<Box<dyn Sink>>,
) -> Result<Option<ProductionMonitor>, MonitorError> {
    if config.objectives.is_empty() && sinks.is_empty() {
        return Ok(None);
    }
    sinks.push(Box::new(Shown(host.clone())));
    let (watched, runtime) = (host.clone(), Handle::current());
    let watched = Watched {
        objectives: config.objectives.clone(),
        destinations: config.alerts.clone(),
        // The monitor has a thread of its own, which may block.
        take: Box::new(move || runtime.block_on(watched.snapshot())),
        sinks,
        say: say.clone(),
    };
    ProductionMonitor::start(&config.monitor, watched).map(Some)
}

/// Has the host show how its objectives stand, in its metrics and on its dashboard.
struct Shown(Host);

impl Sink for Shown {
    fn keep(&mut self, _: Timestamp, _: &Snapshot, standings: &[Standing]) -> Result<(), String> {
        self.0.set_objectives(standings.to_vec());
        Ok(())
    }
}
