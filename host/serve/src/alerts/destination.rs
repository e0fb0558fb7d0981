//! Destinations of alerts in TOML: each a table `[[alert]]` with one of these fields.
//!
//! ```toml
//! [[alert]]
//! alertmanager = "http://127.0.0.1:9093"
//!
//! [[alert]]
//! command = ["./page.sh", "--quiet"]
//! ```

use super::Channel;
use super::alertmanager::Alertmanager;
use super::command::Program;
use super::file::Lines;
use super::webhook::Webhook;
use http::Uri;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::{Path, PathBuf};

/// A destination of alerts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Destination {
    /// The URL that each alert is posted to, as JSON.
    Webhook(String),
    /// The base URL of an Alertmanager, whose API v2 groups, silences and routes alerts.
    Alertmanager(String),
    /// The file that each alert is a line of, as JSON.
    File(PathBuf),
    /// The program that is run for each alert, with its arguments. It reads the alert as JSON from
    /// its standard input, and has its fields in the environment: `SANDLAB_ALERT_STATE` and so on.
    Command(Vec<String>),
}

/// The reason that a destination cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("alerts to {destination}: {reason}")]
pub struct DestinationError {
    destination: String,
    reason: String,
}

impl Destination {
    /// Checks that the destination is valid, without sending anything.
    ///
    /// # Errors
    /// [`DestinationError`] with the reason and the remedy.
    pub fn check(&self) -> Result<(), DestinationError> {
        let wrong =
            |reason: String| Err(DestinationError { destination: self.to_string(), reason });
        match self {
            Self::Webhook(url) | Self::Alertmanager(url) => match url.parse::<Uri>() {
                Err(error) => wrong(error.to_string()),
                Ok(uri) => match (uri.scheme_str(), uri.host()) {
                    (Some("http" | "https"), Some(_)) => Ok(()),
                    _ => wrong("it is no URL that begins with http:// or https://".to_owned()),
                },
            },
            Self::File(path) if path.as_os_str().is_empty() => {
                wrong("the name is empty".to_owned())
            }
            Self::Command(command) if command.first().is_none_or(String::is_empty) => {
                wrong("there is no program to run: write [\"./page.sh\"]".to_owned())
            }
            Self::File(_) | Self::Command(_) => Ok(()),
        }
    }

    /// Makes a file's path relative to this folder.
    pub(crate) fn resolve(&mut self, base: &Path) {
        if let Self::File(path) = self {
            *path = base.join(&*path);
        }
    }

    pub(super) fn open(&self) -> Box<dyn Channel> {
        match self {
            Self::Webhook(url) => Box::new(Webhook::new(url)),
            Self::Alertmanager(url) => Box::new(Alertmanager::new(url)),
            Self::File(path) => Box::new(Lines::new(path)),
            Self::Command(command) => Box::new(Program::new(command)),
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Webhook(url) => write!(f, "the webhook {}", without_secrets(url)),
            Self::Alertmanager(url) => write!(f, "the Alertmanager {}", without_secrets(url)),
            Self::File(path) => write!(f, "the file {}", path.display()),
            Self::Command(command) => {
                write!(f, "the command {}", command.first().map_or("", String::as_str))
            }
        }
    }
}

/// Returns the scheme and host of a URL: the path and query of a webhook are often its password.
pub(crate) fn without_secrets(url: &str) -> String {
    let uri: Option<Uri> = url.parse().ok();
    let parts = uri.as_ref().and_then(|uri| Some((uri.scheme_str()?, uri.host()?, uri.port())));
    match parts {
        Some((scheme, host, Some(port))) => format!("{scheme}://{host}:{port}"),
        Some((scheme, host, None)) => format!("{scheme}://{host}"),
        None => "whose URL cannot be read".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Config {
        alert: Vec<Destination>,
    }

    fn read(text: &str) -> Result<Destination, String> {
        let config: Config = toml::from_str(text).map_err(|error| error.to_string())?;
        let destination = config.alert.into_iter().next().ok_or("none")?;
        destination.check().map_err(|error| error.to_string())?;
        Ok(destination)
    }

    #[test]
    fn each_kind_is_one_field_of_a_table() {
        let read = |field: &str| read(&format!("[[alert]]\n{field}")).unwrap();
        assert!(matches!(read("webhook = \"https://a.b/c\""), Destination::Webhook(_)));
        assert!(matches!(read("alertmanager = \"http://[::1]:9\""), Destination::Alertmanager(_)));
        assert!(matches!(read("file = \"alerts.jsonl\""), Destination::File(_)));
        assert!(matches!(read("command = [\"true\"]"), Destination::Command(_)));
    }

    #[test]
    fn what_cannot_be_reached_is_told_before_the_first_alert_and_keeps_its_secret() {
        let wrong = |field: &str| read(&format!("[[alert]]\n{field}")).unwrap_err();
        assert!(wrong("webhook = \"ftp://host/s3cret\"").contains("http://"));
        assert!(!wrong("webhook = \"ftp://host/s3cret\"").contains("s3cret"));
        assert!(wrong("webhook = \"/only/a/path\"").contains("http://"));
        assert!(wrong("command = []").contains("no program"));
        assert!(wrong("mail = \"a@b\"").contains("unknown variant `mail`"));
    }
}
