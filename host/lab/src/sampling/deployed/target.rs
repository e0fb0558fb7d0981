//! Addresses of deployed agents.

use super::access::Access;
use super::site::Site;
use crate::{Error, Result};
use http::Uri;
use sandlab_serve::nats::Settings;
use std::fmt;

/// An agent on a host that serves it.
#[derive(Debug, Clone)]
pub struct Target {
    /// The agent's name there.
    pub agent: String,
    /// The way to its host.
    pub way: Way,
}

/// The way to the host of a target.
#[derive(Debug, Clone)]
pub enum Way {
    /// `http://HOST:PORT/agents/NAME`, or with `https://`
    Http(Site),
    /// `nats://HOST:PORT/agents/NAME`: any host that the NATS server there has the agent of.
    Nats(Box<Settings>),
}

impl Target {
    /// Reads a URL.
    ///
    /// # Errors
    /// If it is none of an agent that a host serves.
    pub fn parse(url: &str, access: &Access) -> Result<Self> {
        let wrong = |why: &str| Error::Usage(format!("the target {}: {why}", without_user(url)));
        let uri: Uri = url.parse().map_err(|error| wrong(&format!("{error}")))?;
        let way = match uri.scheme_str() {
            Some(scheme @ ("nats" | "tls")) => {
                let authority = uri.authority().ok_or_else(|| wrong("it has no host"))?;
                Way::Nats(Box::new(Settings {
                    urls: vec![format!("{scheme}://{authority}")],
                    credentials: access.credentials.clone(),
                    root_certificates: access.root_certificates.clone(),
                    subject_prefix: access.subject_prefix.clone(),
                    ..Settings::default()
                }))
            }
            Some("http" | "https") => Way::Http(Site::of(&uri, access).map_err(|why| wrong(&why))?),
            _ => return Err(wrong("it has to begin with http://, https:// or nats://")),
        };
        let agent = uri.path().strip_prefix("/agents/").unwrap_or_default().to_owned();
        if agent.is_empty() || agent.contains('/') {
            return Err(wrong("it has to name an agent: http://HOST:PORT/agents/NAME"));
        }
        if let Way::Nats(settings) = &way {
            settings.check([&agent]).map_err(|why| wrong(&why))?;
        }
        Ok(Self { agent, way })
    }

    /// Returns an error for the target, with this reason.
    pub fn wrong(&self, why: &str) -> Error {
        Error::Usage(format!("the target {self}: {why}"))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.way {
            Way::Http(site) => write!(f, "{site}/agents/{}", self.agent),
            Way::Nats(settings) => {
                write!(f, "{}/agents/{}", without_user(&settings.urls.concat()), self.agent)
            }
        }
    }
}

/// Returns a URL for people, who need not see its password.
fn without_user(url: &str) -> String {
    // A password that is not encoded can have any sign.
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://{rest}"),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of the hosts' tests.
    fn certificate(name: &str) -> std::path::PathBuf {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        folder.join("../serve/tests/certificates").join(name)
    }

    fn parse(url: &str) -> Result<Target> {
        let access = Access {
            token: None,
            subject_prefix: "sandlab".to_owned(),
            credentials: None,
            root_certificates: Some(certificate("authority.pem")),
            identity: None,
        };
        Target::parse(url, &access)
    }

    #[test]
    fn a_target_names_a_host_and_an_agent() {
        for (url, told) in [
            ("http://localhost:8080/agents/echo", "http://localhost:8080/agents/echo"),
            ("http://[::1]/agents/a", "http://[::1]:80/agents/a"),
            ("https://[::1]/agents/a", "https://[::1]:443/agents/a"),
            ("nats://127.0.0.1:4222/agents/a.b", "nats://127.0.0.1:4222/agents/a.b"),
            ("tls://me:secret@nats.example/agents/a", "tls://nats.example/agents/a"),
        ] {
            assert_eq!(parse(url).unwrap().to_string(), told);
        }
        for (url, said) in [
            ("http://localhost:8080", "name an agent"),
            ("http://localhost:8080/agents/", "name an agent"),
            ("http://localhost:8080/agents/echo/tell", "name an agent"),
            ("http://localhost:99999/agents/echo", "from 1 to 65535"),
            ("http://localhost:0/agents/echo", "from 1 to 65535"),
            ("nats://localhost:4222", "name an agent"),
            ("nats://localhost/agents/a..b", "empty parts"),
            ("nats://localhost/agents/*", "wildcards"),
            ("ftp://localhost/agents/echo", "nats://"),
            ("localhost", "http://"),
        ] {
            let error = parse(url).unwrap_err().to_string();
            assert!(error.contains(said), "{url}: {error}");
        }
        for password in ["secret", "sec@secret", "sec/secret"] {
            let url = format!("nats://me:{password}@localhost/agents/");
            let said = parse(&url).unwrap_err().to_string();
            assert!(!said.contains("sec"), "{said}");
        }
    }
}
