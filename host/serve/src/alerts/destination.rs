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
use std::os::unix::fs::PermissionsExt;
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

    /// Checks that a file has a folder, and that a program is there: an alert comes too late to say
    /// so.
    ///
    /// # Errors
    /// [`DestinationError`] with what is missing.
    pub(crate) fn check_files(&self) -> Result<(), DestinationError> {
        let wrong =
            |reason: String| Err(DestinationError { destination: self.to_string(), reason });
        match self {
            Self::File(path) if path.is_dir() => wrong("it is a folder".to_owned()),
            Self::File(path) => match path.parent().filter(|folder| !folder.as_os_str().is_empty())
            {
                Some(folder) if !folder.is_dir() => {
                    wrong(format!("there is no folder {}", folder.display()))
                }
                _ => Ok(()),
            },
            Self::Command(command) => match command.first().is_none_or(|name| is_program(name)) {
                true => Ok(()),
                false => wrong("there is no such program, or it may not be run".to_owned()),
            },
            Self::Webhook(_) | Self::Alertmanager(_) => Ok(()),
        }
    }

    /// Makes the path of a file, or of a program, relative to this folder. A program's bare name is
    /// looked for in `PATH`.
    pub(crate) fn resolve(&mut self, base: &Path) {
        match self {
            Self::File(path) => *path = base.join(&*path),
            Self::Command(command) => {
                for program in command.iter_mut().take(1).filter(|name| name.contains('/')) {
                    *program = base.join(&*program).to_string_lossy().into_owned();
                }
            }
            Self::Webhook(_) | Self::Alertmanager(_) => {}
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

/// Returns true if there is a program of this name or path.
fn is_program(name: &str) -> bool {
    let may_run = |path: &Path| {
        let found = path.metadata();
        found.is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    match name.contains('/') {
        true => may_run(Path::new(name)),
        false => std::env::var_os("PATH").is_some_and(|all| {
            std::env::split_paths(&all).any(|folder| may_run(&folder.join(name)))
        }),
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
    fn a_program_is_relative_to_the_configuration_and_has_to_be_there() {
        let folder = tempfile::tempdir().unwrap();
        let mut own = read("[[alert]]\ncommand = [\"./page.sh\", \"./as-it-is\"]").unwrap();
        own.resolve(folder.path());
        assert!(own.check_files().unwrap_err().to_string().contains("no such program"));
        let script = folder.path().join("page.sh");
        std::fs::write(&script, "#!/bin/sh\n").unwrap();
        assert!(own.check_files().is_err(), "it may not be run");
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
        own.check_files().unwrap();
        assert!(matches!(own, Destination::Command(command) if command[1] == "./as-it-is"));
        let mut named = read("[[alert]]\ncommand = [\"sh\"]").unwrap();
        named.resolve(folder.path());
        named.check_files().unwrap();
        let mut file = read("[[alert]]\nfile = \"none/alerts.jsonl\"").unwrap();
        file.resolve(folder.path());
        assert!(file.check_files().unwrap_err().to_string().contains("there is no folder"));
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
