//! A host's agents over NATS for as long as the host runs.

use super::NatsError;
use super::connections::Connections;
use super::peers::Peers;
use super::service::{Drained, Service};
use super::settings::Settings;
use crate::Host;
use std::time::Duration;

/// Answers for all agents of a host, also those that a change of its configuration adds, until the
/// host drains. Then, and when agents are removed, messages that were taken have up to `within` for
/// their answers. `report` is told why a change could not be followed; the agents before it are
/// served on. The agents and those of other hosts find each other meanwhile.
///
/// # Errors
/// [`NatsError`] if the agents cannot be served at first.
pub async fn serve(
    host: &Host,
    connections: &Connections,
    settings: &Settings,
    within: Duration,
    report: impl Fn(&NatsError),
) -> Result<Drained, NatsError> {
    let (mut names, mut draining) = (host.watch_names(), host.watch_draining());
    let peers = Peers::start(host, connections, settings).await?;
    let agents = names.borrow_and_update().clone();
    let mut service = Service::start(host, agents, connections, settings, Some(&peers)).await?;
    loop {
        tokio::select! {
            () = async { let _ = draining.wait_for(|drains| *drains).await; } => {
                return Ok(service.drain(within).await);
            }
            () = async { let _ = names.changed().await; } => {}
        }
        let agents = names.borrow_and_update().clone();
        match Service::start(host, agents, connections, settings, Some(&peers)).await {
            // Meanwhile both are in the queue group, so that no message finds nobody.
            Ok(next) => drop(tokio::spawn(std::mem::replace(&mut service, next).drain(within))),
            Err(error) => report(&error),
        }
    }
}
