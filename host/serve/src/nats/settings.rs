//! The `[nats]` table of a served configuration.

use super::wire::LONGEST_TIMEOUT;
use crate::http;
use async_nats::{ConnectOptions, ServerAddr};
use bytesize::ByteSize;
use sandlab_runtime::config::Size;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The connection to NATS, over which agents are reached. Every field is optional:
///
/// ```toml
/// [nats]
/// urls = ["nats://127.0.0.1:4222"]   # or tls://…, with user:password@ if the server asks
/// credentials = "sandlab.creds"      # as `nsc` writes it
/// subject-prefix = "sandlab"         # agent NAME has the subject sandlab.NAME
/// queue-group = "sandlab"            # hosts of one group share the requests
/// connections = 1
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
#[schemars(rename = "NatsSettings")]
pub struct Settings {
    /// The servers of one NATS cluster; any of them is used. Default that of this machine.
    pub urls: Vec<String>,
    /// A file with a user's JWT and key. Default none: the URLs have the credentials, if any.
    pub credentials: Option<PathBuf>,
    /// A file with the certificates, in PEM, that a server's own must come from. Default those that
    /// the operating system trusts.
    pub root_certificates: Option<PathBuf>,
    /// The first part of the agents' subjects. Default `sandlab`.
    pub subject_prefix: String,
    /// The group whose members share the requests: one of them gets each. Default `sandlab`.
    pub queue_group: String,
    /// Connections to the server. Default 1; `docs/nats.md` says when a second one pays.
    pub connections: usize,
    /// The rule by which messages are spread over the connections. Default by recipient.
    pub spread: Spread,
    /// Messages for one agent that may wait for its reply; more are refused with code 429.
    /// Default 1,024.
    pub concurrency: usize,
    /// The largest content of a request; a larger one is refused with code 413. Default 1 MiB,
    /// which is also the NATS server's default.
    #[schemars(with = "Size")]
    pub max_content: ByteSize,
    /// The time that a request without a timeout of its own has: at most a day. Default 5 s.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub timeout: Duration,
}

/// The rule by which messages are spread over several connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Spread {
    /// An agent's messages all go over one connection, so that they stay in order.
    ByRecipient,
    /// One after another, so that one agent can use all of them. Messages of one sender may then
    /// overtake each other.
    RoundRobin,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            urls: vec!["nats://127.0.0.1:4222".to_owned()],
            credentials: None,
            root_certificates: None,
            subject_prefix: "sandlab".to_owned(),
            queue_group: "sandlab".to_owned(),
            connections: 1,
            spread: Spread::ByRecipient,
            concurrency: 1_024,
            max_content: ByteSize::mib(1),
            timeout: Duration::from_secs(5),
        }
    }
}

impl Settings {
    /// Checks what a connection would not: that the numbers are valid, and that subjects can be
    /// made of the names, also of these agents.
    ///
    /// # Errors
    /// The field or the agent, with the reason.
    pub fn check<'a>(&self, agents: impl IntoIterator<Item = &'a String>) -> Result<(), String> {
        if let Some(agent) = agents.into_iter().find(|agent| !is_subject(agent)) {
            return Err(no_subject(&format!("the agent {agent:?}")));
        }
        let none = |field| Err(format!("{field} must be at least 1"));
        for url in &self.urls {
            let parsed: Result<ServerAddr, _> = url.parse();
            let wrong = |error| format!("urls: {}: {error}", without_password(url));
            parsed.map(drop).map_err(wrong)?;
        }
        match () {
            () if self.urls.is_empty() => Err("urls must name a server".to_owned()),
            () if self.connections == 0 => none("connections"),
            () if self.concurrency == 0 => none("concurrency"),
            () if self.timeout.is_zero() || self.timeout > LONGEST_TIMEOUT => {
                Err("timeout must be longer than 0 s, and at most a day".to_owned())
            }
            () if !is_subject(&self.subject_prefix) => Err(no_subject("subject-prefix")),
            () if !is_subject(&self.queue_group) => Err(no_subject("queue-group")),
            () => Ok(()),
        }
    }

    /// Checks that the files can be read, and are what a connection can use.
    ///
    /// # Errors
    /// The field, with the reason.
    pub fn check_files(&self) -> Result<(), String> {
        if let Some(path) = &self.credentials {
            let wrong = |error| format!("credentials: {}: {error}", path.display());
            let text = sandlab_runtime::text_file::read(path).map_err(wrong)?;
            ConnectOptions::with_credentials(&text).map_err(wrong)?;
        }
        if let Some(path) = &self.root_certificates {
            http::authorities(path).map_err(|error| format!("root-certificates: {error}"))?;
        }
        Ok(())
    }

    /// Makes paths relative to the configuration's folder.
    pub fn resolve(&mut self, base: &Path) {
        for path in [&mut self.credentials, &mut self.root_certificates].into_iter().flatten() {
            *path = base.join(&path);
        }
    }

    /// Returns the subject of an agent. `None` if no subject can have its name.
    pub fn subject(&self, agent: &str) -> Option<String> {
        is_subject(agent).then(|| format!("{}.{agent}", self.subject_prefix))
    }
}

/// Returns a URL for people.
pub(super) fn without_password(url: &str) -> &str {
    url.rsplit('@').next().unwrap_or(url)
}

fn no_subject(what: &str) -> String {
    format!("{what} must have no spaces, wildcards (* and >) or empty parts between its dots")
}

/// Returns whether a text can be a NATS subject to publish to, or a part of one.
fn is_subject(text: &str) -> bool {
    let is_bad =
        |letter: char| letter.is_whitespace() || letter.is_control() || "*>".contains(letter);
    text.split('.').all(|part| !part.is_empty() && !part.contains(is_bad))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_subject_can_have_is_refused_by_its_field() {
        let with =
            |prefix: &str| Settings { subject_prefix: prefix.to_owned(), ..Settings::default() };
        assert_eq!(with("prod.sandlab").check([]), Ok(()));
        for wrong in ["", "a b", "a..b", "a.*", ">", ".a", "a\r\nPUB b 0"] {
            assert!(with(wrong).check([]).unwrap_err().contains("subject-prefix"), "{wrong:?}");
            assert_eq!(Settings::default().subject(wrong), None, "{wrong:?}");
            let agent = Settings::default().check(&[wrong.to_owned()]).unwrap_err();
            assert!(agent.contains("the agent"), "{agent}");
        }
        let none = Settings { connections: 0, ..Settings::default() };
        assert!(none.check([]).unwrap_err().contains("connections"));
        assert_eq!(Settings::default().subject("echo").as_deref(), Some("sandlab.echo"));
    }

    #[test]
    fn every_field_has_a_default() {
        assert_eq!(serde_json::from_str::<Settings>("{}").unwrap(), Settings::default());
        assert!(serde_json::from_str::<Settings>(r#"{"conections": 2}"#).is_err());
    }

    #[test]
    fn files_that_a_connection_could_not_use_are_refused_by_their_field() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let credentials = Settings { credentials: Some(path.clone()), ..Settings::default() };
        let authorities = Settings { root_certificates: Some(path.clone()), ..Settings::default() };
        let missing = authorities.check_files().unwrap_err();
        assert!(
            missing.contains("root-certificates: ") && missing.contains("cannot read"),
            "{missing}"
        );
        let pem = "-----BEGIN CERTIFICATE-----\nZ2FyYmFnZQ==\n-----END CERTIFICATE-----\n";
        for text in ["", "garbage", pem] {
            std::fs::write(&path, text).unwrap();
            let refused = authorities.check_files().unwrap_err();
            assert!(
                refused.contains("root-certificates: ") && refused.contains("file: "),
                "{refused}"
            );
            let refused = credentials.check_files().unwrap_err();
            assert!(refused.contains("credentials: ") && refused.contains("file: "), "{refused}");
        }
        // The seed of the documentation of async-nats.
        let seed = "SUAIO3FHUX5PNV2LQIIP7TZ3N4L7TX3W53MQGEIVYFIGA635OZCKEYHFLM";
        let block = |name: &str, text: &str| {
            format!("-----BEGIN {name}-----\n{text}\n------END {name}------\n\n")
        };
        let both =
            block("NATS USER JWT", "eyJ0eXAi.eyJqdGki.c2ln") + &block("USER NKEY SEED", seed);
        std::fs::write(&path, both).unwrap();
        assert_eq!(credentials.check_files(), Ok(()));
        std::fs::write(&path, include_str!("../../tests/certificates/authority.pem")).unwrap();
        assert_eq!(authorities.check_files(), Ok(()));
    }
}
