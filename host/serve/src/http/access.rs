//! Access control: requests need the token, if there is one, and must not come from pages of other
//! sites.

use super::Problem;
use super::problem::NO_CERTIFICATE;
use super::tls;
use crate::config::Listen;
use http::header::{AUTHORIZATION, HOST, ORIGIN};
use http::{HeaderMap, StatusCode, Uri};
use std::path::PathBuf;
use subtle::ConstantTimeEq;
use tokio_rustls::TlsAcceptor;

/// The shortest token, bytes: as long as a random one of 96 bits in base64.
const SHORTEST_TOKEN: usize = 16;

/// The clients that may send: all of this machine, or those with a token or certificate.
pub struct Access {
    token: Option<Vec<u8>>,
    /// Whether clients need a certificate.
    pub needs_certificate: bool,
    /// Encrypts connections; `None` if they are not.
    pub tls: Option<TlsAcceptor>,
}

/// A mark of requests over connections whose clients have shown a certificate.
#[derive(Debug, Clone, Copy)]
pub struct Certified;

/// The reason that the access of clients cannot be checked as it is configured.
#[derive(Debug, thiserror::Error)]
#[error("{}: {reason}", .path.display())]
pub struct AccessError {
    /// The file of the token, or of the certificates.
    pub path: PathBuf,
    /// The reason, as the parser or operating system words it.
    pub reason: String,
}

impl Access {
    /// Reads the token and the certificates.
    ///
    /// # Errors
    /// [`AccessError`] with the file that cannot be used.
    pub fn read(listen: &Listen) -> Result<Self, AccessError> {
        let token = listen.token_file.as_ref().map(|path| {
            let failed = |reason: String| AccessError { path: path.clone(), reason };
            let text = sandlab_runtime::text_file::read(path);
            let text = text.map_err(|error| failed(format!("cannot read the token: {error}")))?;
            let token = text.trim();
            if token.len() < SHORTEST_TOKEN || token.contains(char::is_whitespace) {
                return Err(failed(format!(
                    "a token has at least {SHORTEST_TOKEN} bytes and no white space, for example \
                     what `openssl rand -base64 24` prints"
                )));
            }
            Ok(token.as_bytes().to_vec())
        });
        let tls = listen.tls.as_ref().map(tls::acceptor);
        let authorities = listen.tls.as_ref().and_then(|tls| tls.client_authorities.as_ref());
        let needs_certificate = authorities.is_some();
        Ok(Self { token: token.transpose()?, needs_certificate, tls: tls.transpose()? })
    }

    /// Checks that a client may send a request, over a connection that has shown a certificate or
    /// not.
    ///
    /// # Errors
    /// [`Problem`] with the status 401 or 403 if not.
    pub fn check(
        &self,
        uri: &Uri,
        headers: &HeaderMap,
        shown: Option<&Certified>,
    ) -> Result<(), Problem> {
        if self.needs_certificate && shown.is_none() {
            let detail =
                "this connection is from before clients needed a certificate: open another";
            return Err(Problem::new(StatusCode::FORBIDDEN, NO_CERTIFICATE, detail));
        }
        let host = uri.authority().map(|authority| authority.as_str());
        let host = host.or_else(|| headers.get(HOST)?.to_str().ok());
        require_same_site(host, headers)?;
        let Some(token) = &self.token else {
            return self.require_known_host(host);
        };
        let given = headers.get(AUTHORIZATION).and_then(|value| bearer(value.as_bytes()));
        if given.is_some_and(|given| bool::from(given.ct_eq(token))) {
            return Ok(());
        }
        let detail = "send the host's token as `authorization: Bearer TOKEN`";
        Err(Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", detail))
    }

    /// Checks that the host's name cannot belong to another site: a page of such a site can resolve
    /// its own name to this host's address (DNS rebinding), and would then be of the same site.
    fn require_known_host(&self, host: Option<&str>) -> Result<(), Problem> {
        let is_known = |host: &str| {
            let name = host.rsplit_once(':').filter(|(_, port)| !port.ends_with(']'));
            let name = name.map_or(host, |(name, _)| name);
            name.eq_ignore_ascii_case("localhost")
                || name.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok()
        };
        // TLS has told the client whom it reaches.
        if self.tls.is_some() || host.is_none_or(is_known) {
            return Ok(());
        }
        let detail = "without a token, the host is reached as localhost or by its IP address only";
        Err(Problem::new(StatusCode::FORBIDDEN, "foreign-host", detail))
    }
}

/// Checks that the request is not one that a page of another site makes a browser send.
fn require_same_site(host: Option<&str>, headers: &HeaderMap) -> Result<(), Problem> {
    let Some(origin) = headers.get(ORIGIN) else {
        return Ok(());
    };
    let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    if origin.is_some_and(|(_, origin)| Some(origin) == host) {
        return Ok(());
    }
    let detail = "pages of other sites may not send messages";
    Err(Problem::new(StatusCode::FORBIDDEN, "foreign-origin", detail))
}

/// Returns the token of an `authorization` header; the scheme's case does not matter.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn checked(token: Option<&str>, headers: &[(http::HeaderName, &'static str)]) -> bool {
        let token = token.map(|token| token.as_bytes().to_vec());
        let access = Access { token, needs_certificate: false, tls: None };
        let headers = headers.iter().cloned();
        let headers = headers.map(|(name, value)| (name, HeaderValue::from_static(value)));
        access.check(&Uri::from_static("/agents/a"), &headers.collect(), None).is_ok()
    }

    #[test]
    fn only_the_whole_token_opens() {
        let token = Some("0123456789abcdef");
        assert!(checked(token, &[(AUTHORIZATION, "bearer 0123456789abcdef")]));
        for wrong in ["Bearer 0123456789abcde", "Bearer 0123456789abcdef0", "0123456789abcdef", ""]
        {
            assert!(!checked(token, &[(AUTHORIZATION, wrong)]), "{wrong:?}");
        }
        assert!(!checked(token, &[]));
    }

    #[test]
    fn pages_of_other_sites_are_refused() {
        let local = (HOST, "localhost:8080");
        assert!(checked(None, std::slice::from_ref(&local)));
        assert!(checked(None, &[(HOST, "[::1]:8080")]));
        assert!(checked(None, &[(HOST, "127.0.0.1")]));
        assert!(checked(None, &[local.clone(), (ORIGIN, "http://localhost:8080")]));
        assert!(!checked(None, &[local, (ORIGIN, "http://evil.example")]));
        assert!(!checked(None, &[(HOST, "evil.example:8080")]));
    }

    #[test]
    fn a_short_token_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let listen = Listen { token_file: Some(path.clone()), ..Listen::default() };
        for (text, is_good) in
            [("short", false), ("0123456789 abcdef", false), ("0123456789abcdef\n", true)]
        {
            std::fs::write(&path, text).unwrap();
            assert_eq!(Access::read(&listen).is_ok(), is_good, "{text:?}");
        }
    }
}
