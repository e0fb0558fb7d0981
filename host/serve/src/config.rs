//! The configuration of a host, in TOML: its address, its limits, its agents.

mod agent;
mod limits;
mod listen;

pub use agent::{Agent, Mailbox};
pub use limits::Limits;
pub use listen::{Listen, Tls};

use crate::alerts::Destination;
use crate::monitor::MonitorConfig;
use crate::nats;
use crate::otlp;
use crate::slo::{self, Objective};
use sandlab_runtime::messaging::Settings;
use sandlab_runtime::{SandboxConfig, toml_text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The configuration of a host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Config {
    /// The HTTP address of the host, and the clients that may send to it.
    pub listen: Listen,
    /// Limits on clients.
    pub limits: Limits,
    /// The connection to NATS, over which agents are reached. Default none. Read at the start only.
    pub nats: Option<nats::Settings>,
    /// The OpenTelemetry collector that metrics and spans are pushed to. Default none. Read at the
    /// start only.
    pub otlp: Option<otlp::Settings>,
    /// Threads that agents live on, at most 250. Default one per core.
    pub shards: Option<NonZeroUsize>,
    /// The longest time, after the signal to stop or a change, for messages that were accepted to
    /// be finished: at most a year. Default 30 s.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub drain: Duration,
    /// The interval at which this file, and those of the components, are looked at for changes;
    /// "0s" never, else 10 ms to a year. SIGHUP has them looked at at once. Default 2 s.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub watch: Duration,
    /// The sandbox of every agent that has none of its own.
    pub sandbox: SandboxConfig,
    /// The agents by name: 1 to 64 letters, digits, `-`, `_` and `.`.
    pub agents: BTreeMap<String, Agent>,
    /// Settings of the monitor of the agents.
    pub monitor: MonitorConfig,
    /// Service level objectives, each a table `[[objective]]`.
    #[serde(rename = "objective")]
    pub objectives: Vec<Objective>,
    /// Destinations of alerts on objectives, each a table `[[alert]]`.
    #[serde(rename = "alert")]
    pub alerts: Vec<Destination>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: Listen::default(),
            limits: Limits::default(),
            nats: None,
            otlp: None,
            shards: None,
            drain: Duration::from_secs(30),
            watch: Duration::from_secs(2),
            sandbox: SandboxConfig::default(),
            agents: BTreeMap::new(),
            monitor: MonitorConfig::default(),
            objectives: Vec::new(),
            alerts: Vec::new(),
        }
    }
}

/// The reason that a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("cannot read {}: {source}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// The text is not TOML, or has an unknown field or a wrong type.
    #[error("{} is not valid: {reason}", .path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The position and the error.
        reason: String,
    },
    /// A value cannot be used.
    #[error("{field}: {reason}")]
    Unusable {
        /// The field, with those that it is in.
        field: String,
        /// The reason, and the remedy.
        reason: String,
    },
}

impl ConfigError {
    pub(crate) fn unusable(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Unusable { field: field.into(), reason: reason.into() }
    }
}

impl Config {
    /// Reads a configuration. Paths in it are then relative to its folder, and its values are
    /// checked as far as no other file is needed.
    ///
    /// # Errors
    /// [`ConfigError`] if the file cannot be read, has an unknown field or a wrong value.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let config = Self::read_unchecked(path)?;
        config.check()?;
        Ok(config)
    }

    /// Reads a configuration, whose values are not checked yet: some may still be replaced.
    pub(crate) fn read_unchecked(path: &Path) -> Result<Self, ConfigError> {
        let text = sandlab_runtime::text_file::read(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        let mut config: Self = toml_text::read(&text)
            .map_err(|reason| ConfigError::Invalid { path: path.to_owned(), reason })?;
        config.resolve(path.parent().unwrap_or(Path::new("")));
        Ok(config)
    }

    /// Returns a configuration with these agents alone, each under its component's name.
    pub fn of_components(components: impl IntoIterator<Item = (String, String)>) -> Self {
        let agents = components.into_iter();
        let agents = agents.map(|(name, component)| (name, Agent::of(component)));
        Self { agents: agents.collect(), ..Self::default() }
    }

    /// Checks the values.
    ///
    /// # Errors
    /// [`ConfigError::Unusable`] for the first that cannot be used.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.listen.check()?;
        self.limits.check()?;
        if self.shards.is_some_and(|shards| shards.get() > MOST_SHARDS) {
            let reason = format!("at most {MOST_SHARDS}: more than one per core gain nothing");
            return Err(ConfigError::unusable("shards", reason));
        }
        check_longest("drain", self.drain)?;
        check_longest("watch", self.watch)?;
        if !self.watch.is_zero() && self.watch < SHORTEST_WATCH {
            let reason =
                "a look that often leaves time for little else: 10 ms or longer, or \"0s\"";
            return Err(ConfigError::unusable("watch", reason));
        }
        check_sandbox("sandbox", &self.sandbox)?;
        if let Some(nats) = &self.nats {
            nats.check(self.agents.keys())
                .map_err(|reason| ConfigError::unusable("nats", reason))?;
        }
        if let Some(Err((field, reason))) = self.otlp.as_ref().map(otlp::Settings::check) {
            return Err(ConfigError::unusable(format!("otlp.{field}"), reason));
        }
        for (name, agent) in &self.agents {
            agent.check(name)?;
        }
        self.check_objectives()
    }

    fn check_objectives(&self) -> Result<(), ConfigError> {
        slo::check(&self.objectives)
            .map_err(|error| ConfigError::unusable("objective", error.to_string()))?;
        for objective in &self.objectives {
            let agent = objective.agent.as_ref();
            if let Some(agent) = agent.filter(|agent| !self.agents.contains_key(*agent)) {
                let reason = format!("{}: there is no agent {agent:?} here", objective.name);
                return Err(ConfigError::unusable("objective", reason));
            }
        }
        let monitor = self.monitor.check(&self.objectives);
        monitor.map_err(|error| ConfigError::unusable("monitor", error.to_string()))?;
        for alert in &self.alerts {
            alert.check().map_err(|error| ConfigError::unusable("alert", error.to_string()))?;
        }
        Ok(())
    }

    /// Makes paths relative to the file's folder.
    fn resolve(&mut self, base: &Path) {
        self.listen.resolve(base);
        for alert in &mut self.alerts {
            alert.resolve(base);
        }
        self.nats.iter_mut().for_each(|nats| nats.resolve(base));
        let own = self.agents.values_mut().filter_map(|agent| agent.sandbox.as_mut());
        for sandbox in own.chain([&mut self.sandbox]) {
            for directory in &mut sandbox.grants.directories {
                directory.host = base.join(&directory.host);
            }
        }
        for agent in self.agents.values_mut() {
            agent.resolve(base);
        }
    }

    /// Returns the settings of the runtime.
    pub fn settings(&self) -> Settings {
        let mut settings = Settings::default();
        settings.shards = self.shards.map_or(settings.shards, NonZeroUsize::get);
        // The threads of HTTP share the cores. On two of them, polling for 20 µs gave 0.68 of a bare
        // server's requests/s instead of 0.61, and a p99 of 4.4 ms instead of 1.4 ms at 10,000/s.
        settings.idle_spin = Duration::ZERO;
        settings
    }

    /// Returns the sandbox config of an agent.
    pub fn sandbox_of<'a>(&'a self, agent: &'a Agent) -> &'a SandboxConfig {
        agent.sandbox.as_ref().unwrap_or(&self.sandbox)
    }
}

/// The most threads of agents, besides those of quarantine: ids of agents have room for no more.
const MOST_SHARDS: usize = 250;

/// The shortest interval at which files are looked at.
const SHORTEST_WATCH: Duration = Duration::from_millis(10);

/// The longest time that a field may have: clocks cannot count much longer ones.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3_600);

fn check_longest(field: &str, time: Duration) -> Result<(), ConfigError> {
    match time > LONGEST {
        true => Err(ConfigError::unusable(field, "it is longer than a year")),
        false => Ok(()),
    }
}

/// Checks a sandbox that stands in this table.
fn check_sandbox(table: &str, sandbox: &SandboxConfig) -> Result<(), ConfigError> {
    sandbox.require_usable().map_err(|reason| ConfigError::unusable(table, reason))?;
    let interrupt = sandbox.require_interrupt();
    interrupt.map_err(|reason| ConfigError::unusable(format!("{table}.interrupt"), reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("serve.toml");
        std::fs::write(&path, text).unwrap();
        Config::read(&path)
    }

    #[test]
    fn an_empty_file_is_the_default_and_survives_being_written() {
        assert_eq!(read("").unwrap(), Config::default());
        let text = toml::to_string(&Config::default()).unwrap();
        assert_eq!(read(&text).unwrap(), Config::default());
    }

    #[test]
    fn what_is_no_configuration_is_told_by_its_place_without_its_values() {
        let wrong = [
            ("drain = '30s'\nlisten = 'secret'", "line 2, column 10: ", "in `listen`"),
            ("[nats]\nurls = 'nats://me:secret@a'", "line 2, column 8: ", "a sequence"),
            ("[otlp]\nheaders = 'Bearer secret\", expected x'", "line 2, column 11: ", "a map"),
            ("[otlp.headers]\nauthorization = Bearer secret", "line 2, column ", "quoted"),
            ("[otlp]\nheaders = { authorization = 'secret' ", "line 2, column ", ""),
            ("[[alert]]\nwebhok = 'https://a.b/secret'", "line 2, column 1: ", "webhok"),
        ];
        for (text, place, what) in wrong {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(place) && error.contains(what), "{text}: {error}");
            assert!(!error.contains("secret"), "{text}: {error}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let wrong = [
            ("lissten = 1", "lissten"),
            ("[agents.'a/b']\ncomponent = 'echo'", "agents.a/b"),
            ("[agents.echo]\ncomponent = ''", "agents.echo.component"),
            ("[agents.echo]\ncomponent = 'echo'\ninstances = 0", "instances"),
            (
                "[agents.echo]\ncomponent = 'echo'\n[agents.echo.sandbox]\ndeadline = '0s'",
                "deadline",
            ),
            ("[sandbox]\nmemory-limit = 0", "sandbox: `memory-limit` is zero"),
            ("[sandbox]\ninterrupt = 'none'", "sandbox.interrupt"),
            ("[agents.\"a\\nb\"]\ncomponent = 'echo'", r"agents.a\nb: "),
            (
                "[agents.echo]\ncomponent = 'echo'\n[agents.echo.sandbox]\ninterrupt = 'none'",
                "agents.echo.sandbox.interrupt",
            ),
            ("[listen]\nhttp = '0.0.0.0:80'", "listen.http"),
            ("[limits]\nbody = '0 B'", "limits.body"),
            ("[limits]\nlongest-timeout = '5s'", "limits.timeout: it is longer than"),
            ("[limits]\nheader-time = '300years'", "limits.header-time: it is longer"),
            ("drain = '300years'", "drain: it is longer than a year"),
            ("shards = 1000", "shards: at most"),
            ("[agents.'..']\ncomponent = 'echo'", "agents..."),
            (
                "[agents.a]\ncomponent = 'echo'\nrestarts.backoff = '300years'",
                "agents.a.restarts.backoff: it is longer",
            ),
            ("watch = '1ns'", "watch: "),
            ("[monitor]\ninterval = '300years'", "monitor: "),
            ("[nats]\ntimeout = '2days'", "nats: timeout"),
            ("[nats]\nurls = ['nowhere:at:all']", "nats: urls"),
            ("[otlp]\nendpoint = 'nowhere'", "otlp.endpoint: "),
            ("[otlp]\nsample = 2", "otlp.sample: "),
            ("[[objective]]\nname = 'a'\nobjective = '101 %'", "below 100 %"),
            ("[[objective]]\nname = 'a'\nobjective = '9 %'\nagent = 'no'", "no agent \"no\""),
            ("[[objective]]\nname = 'a'\nobjective = '9 %'\nwindow = '1h'", "monitor.interval"),
            ("[[alert]]\nwebhook = 'nowhere'", "alert: "),
        ];
        for (text, named) in wrong {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(named), "{text}: {error}");
        }
    }

    #[test]
    fn paths_are_relative_to_the_file() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.wasm"), "").unwrap();
        let path = folder.path().join("serve.toml");
        let text = "[listen]\ntoken-file = 'token'\n[agents.a]\ncomponent = 'a.wasm'\n\
                    [agents.b]\ncomponent = 'echo'\n[agents.c]\ncomponent = 'later.wasm'";
        std::fs::write(&path, text).unwrap();
        let config = Config::read(&path).unwrap();
        assert_eq!(config.listen.token_file, Some(folder.path().join("token")));
        let component = |name: &str| config.agents[name].component.clone();
        assert_eq!(Path::new(&component("a")), folder.path().join("a.wasm"));
        assert_eq!(component("b"), "echo", "a name that is no file stays a name");
        assert_eq!(Path::new(&component("c")), folder.path().join("later.wasm"));
    }
}
