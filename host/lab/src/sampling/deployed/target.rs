//! Where a deployed agent is.

use crate::sampling::exchange::Link;
use crate::{Error, Result};
use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST};
use http::{HeaderValue, Request, StatusCode, Uri};
use http_body_util::Full;
use std::fmt;
use std::time::Duration;
use tokio::runtime::Builder;

/// An agent on a host that serves it: `http://HOST:PORT/agents/NAME`.
#[derive(Debug, Clone)]
pub struct Target {
    /// The host's address, `HOST:PORT`.
    pub address: String,
    /// The agent's name there.
    pub agent: String,
    /// The path that messages are posted to.
    pub path: String,
    /// The value of the header `authorization`; `None` if the host asks for none.
    pub token: Option<HeaderValue>,
}

/// The longest time that a host takes to tell its metrics.
const TIME: Duration = Duration::from_secs(10);

impl Target {
    /// Reads a URL.
    ///
    /// # Errors
    /// If it is none of an agent that a host serves over HTTP.
    pub fn parse(url: &str, token: Option<&HeaderValue>) -> Result<Self> {
        let wrong = |why: &str| Error::Usage(format!("the target {url}: {why}"));
        let uri: Uri = url.parse().map_err(|error| wrong(&format!("{error}")))?;
        if uri.scheme_str() != Some("http") {
            return Err(wrong(
                "it has to begin with http://; TLS would be measured along with the host, so send \
                 from its own machine or over a tunnel",
            ));
        }
        let authority = uri.authority().ok_or_else(|| wrong("it has no host"))?;
        let name = uri.path().strip_prefix("/agents/").unwrap_or_default();
        if name.is_empty() || name.contains('/') {
            return Err(wrong("it has to name an agent: http://HOST:PORT/agents/NAME"));
        }
        Ok(Self {
            address: format!("{}:{}", authority.host(), authority.port_u16().unwrap_or(80)),
            agent: name.to_owned(),
            path: uri.path().to_owned(),
            token: token.cloned(),
        })
    }

    /// Returns an error that says what is wrong with the target.
    pub fn wrong(&self, why: &str) -> Error {
        Error::Usage(format!("the target {self}: {why}"))
    }

    /// Returns the host's metrics, as text.
    ///
    /// # Errors
    /// If it cannot be reached, or does not tell.
    pub fn metrics(&self) -> Result<String> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Error::Machine(format!("a runtime: {error}")))?;
        let request = Request::get("/metrics").header(HOST, &self.address);
        let request = match &self.token {
            Some(token) => request.header(AUTHORIZATION, token.clone()),
            None => request,
        };
        let request = request.body(Full::<Bytes>::default());
        let request = request.map_err(|error| self.wrong(&error.to_string()))?;
        let mut link = Link::to(&self.address);
        let asked =
            runtime.block_on(async { tokio::time::timeout(TIME, link.exchange(request)).await });
        let response = asked.map_err(|_| self.wrong("it does not tell its metrics"))?;
        let response = response.map_err(|why| {
            self.wrong(&format!("{why}; serve it there, for example with `sandlab serve`"))
        })?;
        match response.status() {
            StatusCode::OK => Ok(String::from_utf8_lossy(response.body()).into_owned()),
            StatusCode::UNAUTHORIZED => Err(self.wrong("the host wants a token: `--token-file`")),
            status => Err(self.wrong(&format!("its /metrics answers {status}"))),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.address, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_names_a_host_and_an_agent() {
        let target = Target::parse("http://localhost:8080/agents/echo", None).unwrap();
        assert_eq!((target.address.as_str(), target.agent.as_str()), ("localhost:8080", "echo"));
        assert_eq!(Target::parse("http://[::1]/agents/a", None).unwrap().address, "[::1]:80");
        for (url, said) in [
            ("http://localhost:8080", "name an agent"),
            ("http://localhost:8080/agents/", "name an agent"),
            ("http://localhost:8080/agents/echo/tell", "name an agent"),
            ("https://localhost/agents/echo", "tunnel"),
            ("nats://localhost/agents/echo", "http://"),
            ("localhost", "http://"),
        ] {
            let error = Target::parse(url, None).unwrap_err().to_string();
            assert!(error.contains(said), "{url}: {error}");
        }
    }
}
