//! Credentials of a client of hosts.

use http::HeaderValue;
use std::path::PathBuf;

/// The credentials and trusted certificates of a client.
#[derive(Debug, Clone)]
pub struct Access {
    /// The value of the header `authorization` over HTTP; `None` if the hosts ask for none.
    pub token: Option<HeaderValue>,
    /// The first part of the agents' subjects over NATS.
    pub subject_prefix: String,
    /// The file with a user's JWT and key for NATS; `None` if the URLs have the credentials.
    pub credentials: Option<PathBuf>,
    /// The file of the certificates that those of a server must come from; `None` for those that the
    /// operating system trusts.
    pub root_certificates: Option<PathBuf>,
    /// The files of the client's own certificate and its key, which hosts may ask for over HTTPS.
    pub identity: Option<(PathBuf, PathBuf)>,
}
