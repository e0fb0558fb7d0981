//! A host from its start to its end: it serves, follows its configuration, and drains.

mod read;
mod reload;
mod seen;
mod watch;

use crate::config::{Config, ConfigError};
use crate::host::{Host, Left, ServeError};
use crate::http::{AccessError, App, Server};
use crate::load::{Loaded, Resolver, Unloadable};
use crate::monitor::{MonitorError, Sink};
use crate::nats::{Drained, Front, NatsError};
use crate::otlp::{self, OtlpError, Telemetry};
use read::Read;
use reload::Reloader;
use seen::Seen;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;

/// The time to send the last responses, after the last message has ended.
const LAST_RESPONSES: Duration = Duration::from_secs(2);

/// The time to push the last metrics and spans, after the last response.
const LAST_PUSH: Duration = Duration::from_secs(2);

/// The source of a host's configuration.
#[derive(Debug, Clone)]
pub enum Source {
    /// A file, which is followed.
    File(PathBuf),
    /// The command line.
    Given(Box<Config>),
}

/// The parameters of a host that is about to run.
#[derive(Clone)]
pub struct Options {
    /// The configuration.
    pub source: Source,
    /// The address to listen on instead of the configuration's; `None` for that one.
    pub http: Option<SocketAddr>,
    /// The OpenTelemetry collector instead of the configuration's; `None` for that one, if any.
    pub otlp: Option<String>,
    /// Finds components.
    pub resolve: Arc<Resolver>,
    /// Receives messages to the operator of the host.
    pub say: Arc<dyn Fn(&str) + Send + Sync>,
}

/// The reason that a host does not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A component cannot be used.
    #[error(transparent)]
    Component(#[from] Unloadable),
    /// The token or a certificate cannot be used.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// An agent does not start.
    #[error(transparent)]
    Agent(#[from] ServeError),
    /// The agents cannot be watched.
    #[error(transparent)]
    Monitor(#[from] MonitorError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// The agents cannot be served over NATS.
    #[error(transparent)]
    Nats(#[from] NatsError),
    /// Nothing can be pushed to the OpenTelemetry collector.
    #[error(transparent)]
    Otlp(#[from] OtlpError),
    /// The operating system refused another operation.
    #[error("cannot {what}: {source}")]
    System {
        /// The refused operation, as a verb with its object.
        what: &'static str,
        /// The reason.
        source: std::io::Error,
    },
}

impl RunError {
    fn system(what: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::System { what, source }
    }
}

impl Options {
    /// Checks the configuration as far as is possible without serving: its values, the token and
    /// certificates, and that every agent starts. Returns the names of the agents.
    ///
    /// # Errors
    /// [`RunError`] for the first that cannot be used.
    pub fn check(&self) -> Result<Vec<String>, RunError> {
        let Read { config, loaded, .. } = self.read(&Loaded::default(), &Seen::default())?;
        config.otlp.as_ref().map(otlp::Client::new).transpose()?;
        Ok(Host::start(loaded, config.settings())?.names())
    }

    /// Serves until SIGTERM or SIGINT, and drains; a monitor passes its snapshots to the sinks.
    /// Returns the messages that were left then.
    ///
    /// # Errors
    /// [`RunError`] if it cannot begin.
    pub fn run(&self, sinks: Vec<Box<dyn Sink>>) -> Result<Left, RunError> {
        let threads = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let threads = threads.map_err(RunError::system("start the threads of HTTP"))?;
        let hang_up = {
            let _inside = threads.enter();
            // From now on, since components can take long to compile; until then it would end this.
            watch_for(SignalKind::hangup())?
        };
        let seen = Seen::default();
        let Read { config, access, loaded } = self.read(&Loaded::default(), &seen)?;
        let host = Host::start(loaded, config.settings())?;
        let app = App::new(host, config.limits.clone(), access);
        let left = threads.block_on(self.serve(&config, seen, app, sinks, hang_up));
        threads.shutdown_background();
        left
    }

    async fn serve(
        &self,
        config: &Config,
        seen: Seen,
        app: Arc<App>,
        sinks: Vec<Box<dyn Sink>>,
        mut hang_up: Signal,
    ) -> Result<Left, RunError> {
        let (mut terminate, mut interrupt) =
            (watch_for(SignalKind::terminate())?, watch_for(SignalKind::interrupt())?);
        let telemetry = config.otlp.as_ref();
        let telemetry = telemetry.map(|settings| Telemetry::start(&app.host, settings, &self.say));
        let telemetry = telemetry.transpose()?;
        let address = config.listen.http;
        let server = Server::start(address, app.clone()).await;
        let server = server.map_err(|source| RunError::Listen { address, source })?;
        let (drain, drain_in_force) = tokio::sync::watch::channel(config.drain);
        let nats = self.serve_over_nats(config, &app.host, drain_in_force.clone()).await?;
        let reloader = Reloader::start(self.clone(), config.clone(), seen, app.clone(), drain);
        let reloader = reloader.map_err(RunError::system("start a thread"))?;
        let mut monitor = watch::start(config, &app.host, &self.say, sinks)?;
        let scheme = if config.listen.tls.is_some() { "https" } else { "http" };
        let names = match &app.host.names()[..] {
            [] => "no agents yet".to_owned(),
            names => names.join(", "),
        };
        let and_nats = nats.as_ref().map_or("", |_| " and over NATS");
        (self.say)(&format!("serving {names} on {scheme}://{}{and_nats}", server.address()));
        loop {
            tokio::select! {
                _ = hang_up.recv() => reloader.reload(),
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
            }
        }
        let within = *drain_in_force.borrow();
        let most = humantime::format_duration(within);
        (self.say)(&format!("draining for at most {most}; a second signal ends it"));
        let drained = async {
            let left = app.host.drain(within).await;
            if let Some(nats) = nats {
                let _ = tokio::time::timeout(LAST_RESPONSES, nats).await;
            }
            server.close(LAST_RESPONSES).await;
            if let Some(telemetry) = telemetry {
                telemetry.finish(LAST_PUSH).await;
            }
            watch::finish(monitor.take(), &self.say).await;
            left
        };
        let drained = tokio::select! {
            left = drained => Some(left),
            _ = terminate.recv() => None,
            _ = interrupt.recv() => None,
        };
        let left = match drained {
            Some(left) => left,
            None => {
                // Its end would wait for destinations of alerts.
                tokio::task::spawn_blocking(move || drop(monitor));
                app.host.drain(Duration::ZERO).await
            }
        };
        if !left.unknown.is_empty() {
            let names: Vec<_> = left.unknown.iter().map(String::as_str).collect();
            let names = names.join(", ");
            (self.say)(&format!(
                "how many messages are left of {names} is not known: a call on their thread goes on, \
                 or they send to each other"
            ));
        }
        Ok(left)
    }

    /// Begins to serve over NATS, if it is configured. Returns the task, which ends once the host
    /// has drained.
    async fn serve_over_nats(
        &self,
        config: &Config,
        host: &Host,
        drain: tokio::sync::watch::Receiver<Duration>,
    ) -> Result<Option<JoinHandle<Drained>>, NatsError> {
        let Some(settings) = &config.nats else {
            return Ok(None);
        };
        let front = Front::start(host, settings).await?;
        let say = self.say.clone();
        let run = front.run(move || *drain.borrow(), move |error| say(&error.to_string()));
        Ok(Some(tokio::spawn(run)))
    }
}

fn watch_for(kind: SignalKind) -> Result<Signal, RunError> {
    signal(kind).map_err(RunError::system("watch for signals"))
}
