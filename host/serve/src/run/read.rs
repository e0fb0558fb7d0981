//! A configuration is read, with all the files that it names.

use super::seen::Seen;
use super::{Options, RunError, Source};
use crate::alerts::{Destination, DestinationError};
use crate::config::{Config, ConfigError};
use crate::http::Access;
use crate::load::Loaded;
use crate::nats;
use std::path::{Path, PathBuf};

/// A configuration with what its files have.
pub struct Read {
    pub config: Config,
    pub access: Access,
    pub loaded: Loaded,
}

impl Options {
    /// Reads the configuration, and the files that it names; notes each before it is read.
    ///
    /// # Errors
    /// [`RunError`] for the first that cannot be used. The files that were read until then are noted.
    pub(super) fn read(&self, before: &Loaded, seen: &Seen) -> Result<Read, RunError> {
        if let Source::File(path) = &self.source {
            seen.note(path);
        }
        let config = self.config()?;
        config.listen.files().for_each(|file| seen.note(file));
        let access = Access::read(&config.listen)?;
        config.nats.as_ref().map_or(Ok(()), nats::Settings::check_files).map_err(in_nats)?;
        config.alerts.iter().try_for_each(Destination::check_files).map_err(in_alerts)?;
        // A component that is not there yet may come.
        let components = config.agents.values().map(|agent| Path::new(&agent.component));
        components.filter(|path| !path.is_dir()).for_each(|path| seen.note(path));
        let (resolve, noted) = (self.resolve.clone(), seen.clone());
        let resolve = move |component: &str| -> Result<PathBuf, String> {
            let file = resolve(component)?;
            noted.note(&file);
            Ok(file)
        };
        let loaded = Loaded::load(&config, &resolve, before)?;
        Ok(Read { config, access, loaded })
    }

    /// Reads the configuration, with what the command line has instead.
    fn config(&self) -> Result<Config, RunError> {
        let mut config = match &self.source {
            Source::File(path) => Config::read_unchecked(path)?,
            Source::Given(config) => (**config).clone(),
        };
        if let Some(http) = self.http {
            config.listen.http = http;
        }
        if let Some(endpoint) = &self.otlp {
            config.otlp.get_or_insert_default().endpoint.clone_from(endpoint);
        }
        config.check()?;
        Ok(config)
    }
}

fn in_alerts(error: DestinationError) -> RunError {
    ConfigError::unusable("alert", error.to_string()).into()
}

fn in_nats(reason: String) -> RunError {
    ConfigError::unusable("nats", reason).into()
}
