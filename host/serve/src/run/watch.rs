//! A host is watched while it serves.

use crate::Snapshot;
use crate::alerts::Say;
use crate::config::Config;
use crate::host::Host;
use crate::monitor::{MonitorError, ProductionMonitor, Sink, Watched};
use crate::slo::Standing;
use jiff::Timestamp;
use std::time::Duration;
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

/// The longest wait for the last snapshot to be kept, and the last alerts to arrive.
const LAST_ALERTS: Duration = Duration::from_secs(3);

/// Ends a monitor, if there is one, after a last snapshot and the alerts that wait; does not wait for
/// a destination that takes longer.
pub async fn finish(monitor: Option<ProductionMonitor>, say: &Say) {
    // It waits for its threads.
    let ended = tokio::task::spawn_blocking(move || drop(monitor));
    if tokio::time::timeout(LAST_ALERTS, ended).await.is_err() {
        let within = LAST_ALERTS.as_secs();
        say(&format!("the last snapshot and alerts did not all arrive within {within} s"));
    }
}

/// Has the host show how its objectives stand, in its metrics and on its dashboard.
struct Shown(Host);

impl Sink for Shown {
    fn keep(&mut self, _: Timestamp, _: &Snapshot, standings: &[Standing]) -> Result<(), String> {
        self.0.set_objectives(standings.to_vec());
        Ok(())
    }
}
