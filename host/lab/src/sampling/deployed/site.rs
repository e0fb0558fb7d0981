//! A host that is reached over HTTP, encrypted or not.

use super::access::Access;
use super::tls;
use crate::sampling::exchange::{Link, Tls, address};
use crate::{Error, Result};
use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST};
use http::{HeaderValue, Request, StatusCode, Uri, request};
use http_body_util::Full;
use std::fmt;
use std::time::Duration;
use tokio::runtime::Builder;

/// A host's address, and its credentials.
#[derive(Clone)]
pub struct Site {
    /// `HOST:PORT`
    address: String,
    token: Option<HeaderValue>,
    tls: Option<Tls>,
}

/// The timeout of a request for a host's metrics.
const TIME: Duration = Duration::from_secs(10);

impl Site {
    /// Returns the host of a URL, whose path is left to the caller.
    ///
    /// # Errors
    /// If the URL has no host or another scheme; the text has the reason.
    pub fn of(uri: &Uri, access: &Access) -> Result<Self, String> {
        let authority = uri.authority().ok_or("it has no host")?;
        let (port, tls) = match uri.scheme_str() {
            Some("http") => (80, None),
            Some("https") => (443, Some(tls::of(authority.host(), access)?)),
            _ => return Err("it has to begin with http:// or https://".to_owned()),
        };
        Ok(Self { address: address(authority, port)?, token: access.token.clone(), tls })
    }

    /// Reads the URL of a host, without a path.
    ///
    /// # Errors
    /// If it is no URL, or has a path or another scheme.
    pub fn parse(url: &str, access: &Access) -> Result<Self> {
        let wrong = |why: String| Error::Usage(format!("the host {url}: {why}"));
        let uri: Uri = url.parse().map_err(|error| wrong(format!("{error}")))?;
        match uri.path() {
            "" | "/" | "/metrics" => Self::of(&uri, access).map_err(wrong),
            _ => Err(wrong("leave the path out: http://HOST:PORT".to_owned())),
        }
    }

    /// Returns a connection to it, which the first request opens.
    pub fn link(&self) -> Link {
        Link::to(&self.address).secured(self.tls.clone())
    }

    /// Adds the headers that it asks for.
    pub fn headed(&self, request: request::Builder) -> request::Builder {
        let request = request.header(HOST, &self.address);
        match &self.token {
            Some(token) => request.header(AUTHORIZATION, token.clone()),
            None => request,
        }
    }

    /// Returns the host's metrics, as text.
    ///
    /// # Errors
    /// If it cannot be reached, or does not reply with metrics.
    pub fn metrics(&self) -> Result<String, String> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| format!("a runtime: {error}"))?;
        let request = self.headed(Request::get("/metrics")).body(Full::<Bytes>::default());
        let request = request.map_err(|error| error.to_string())?;
        let mut link = self.link();
        let asked =
            runtime.block_on(async { tokio::time::timeout(TIME, link.exchange(request)).await });
        let response = asked.map_err(|_| "it does not tell its metrics".to_owned())?;
        let response = response
            .map_err(|why| format!("{why}; serve it there, for example with `sandlab serve`"))?;
        match response.status() {
            StatusCode::OK => Ok(String::from_utf8_lossy(response.body()).into_owned()),
            StatusCode::UNAUTHORIZED => Err("the host wants a token: `--token-file`".to_owned()),
            status => Err(format!("its /metrics answers {status}")),
        }
    }
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.address)
    }
}
