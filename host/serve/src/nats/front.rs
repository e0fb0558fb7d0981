//! A host's agents over NATS for as long as the host runs.

use super::NatsError;
use super::connections::Connections;
use super::peers::Peers;
use super::service::{Drained, Service};
use super::settings::Settings;
use crate::Host;
use std::collections::HashSet;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

/// The least time to send what agents have sent to those of other hosts at the last moment.
const LAST_MESSAGES: Duration = Duration::from_secs(1);

/// Answers for all agents of a host, also those that a change of its configuration adds, and lets
/// them and those of other hosts find each other.
pub struct Front {
    host: Host,
    settings: Settings,
    connections: Connections,
    peers: Peers,
    service: Service,
    names: watch::Receiver<Vec<String>>,
}

impl Front {
    /// Connects, and begins to answer.
    ///
    /// # Errors
    /// [`NatsError`] with the reason if it cannot.
    pub async fn start(host: &Host, settings: &Settings) -> Result<Self, NatsError> {
        let connections = Connections::open(settings).await?;
        let peers = Peers::start(host, &connections, settings).await?;
        let mut names = host.watch_names();
        let agents = names.borrow_and_update().clone();
        let service = Service::start(host, agents, &connections, settings, Some(&peers)).await?;
        host.tell_of(&connections);
        let (host, settings) = (host.clone(), settings.clone());
        Ok(Self { host, settings, connections, peers, service, names })
    }

    /// Answers until the host drains. Then, and when agents are removed, messages that were taken
    /// have up to `within`, as it is by then, for their answers; and agents send to those of other
    /// hosts until the host has drained. `report` is told why a change could not be followed; the
    /// agents before it are served on.
    pub async fn run(
        mut self,
        within: impl Fn() -> Duration,
        report: impl Fn(&NatsError),
    ) -> Drained {
        let mut draining = self.host.watch_draining();
        loop {
            tokio::select! {
                () = async { let _ = draining.wait_for(|drains| *drains).await; } => {
                    return self.finish(within()).await;
                }
                () = async { let _ = self.names.changed().await; } => {}
            }
            let agents = self.names.borrow_and_update().clone();
            if let Err(error) = self.follow(agents, within()).await {
                report(&error);
            }
        }
    }

    async fn finish(self, within: Duration) -> Drained {
        let until = Instant::now() + within + LAST_MESSAGES;
        let mut drained = self.host.watch_drained();
        let answered = self.service.drain(within).await;
        let last = async {
            let _ = drained.wait_for(|drained| *drained).await;
            self.peers.finish().await;
            let _ = self.connections.flush().await;
        };
        let _ = timeout_at(until, last).await;
        answered
    }

    async fn follow(&mut self, agents: Vec<String>, within: Duration) -> Result<(), NatsError> {
        let served: HashSet<_> = self.service.names().map(str::to_owned).collect();
        if served.iter().all(|name| agents.contains(name)) {
            return self
                .service
                .add(agents.into_iter().filter(|name| !served.contains(name)))
                .await;
        }
        // A micro service cannot be told that it has an endpoint less. Meanwhile both are in the
        // queue group, so that no message finds nobody.
        let (connections, settings) = (&self.connections, &self.settings);
        let next = Service::start(&self.host, agents, connections, settings, Some(&self.peers));
        let before = std::mem::replace(&mut self.service, next.await?);
        tokio::spawn(before.drain(within));
        Ok(())
    }
}
