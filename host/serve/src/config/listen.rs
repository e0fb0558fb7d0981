//! The HTTP address of a host, and the clients that may send to it.

use super::ConfigError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The HTTP address of a host, and the clients that may send to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Listen {
    /// The address. Default 127.0.0.1:8080. One that other machines reach needs a token file or
    /// client certificates.
    pub http: SocketAddr,
    /// A file with the token that clients send as `authorization: Bearer TOKEN`; at least 16
    /// bytes, without white space. Default none: whoever reaches the address may send.
    pub token_file: Option<PathBuf>,
    /// Certificates. Default none: not encrypted.
    pub tls: Option<Tls>,
}

/// The certificates of TLS, in PEM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Tls {
    /// The server's certificate, and those that lead from it to the authority's.
    pub certificate: PathBuf,
    /// The certificate's private key.
    pub key: PathBuf,
    /// The authorities of clients' certificates: a client must then have one (mutual TLS).
    /// Default none.
    #[serde(default)]
    pub client_authorities: Option<PathBuf>,
}

impl Default for Listen {
    fn default() -> Self {
        Self { http: SocketAddr::from(([127, 0, 0, 1], 8080)), token_file: None, tls: None }
    }
}

impl Listen {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.guards(self.http) {
            return Ok(());
        }
        Err(ConfigError::unusable(
            "listen.http",
            format!(
                "other machines reach {}, so that clients must show who they are: set \
                 `listen.token-file` or `listen.tls.client-authorities`, or listen on 127.0.0.1",
                self.http
            ),
        ))
    }

    /// Checks that clients must show who they are at the address that a host listens on until it is
    /// restarted, whatever `http` is by then.
    pub(crate) fn check_at(&self, address: SocketAddr) -> Result<(), ConfigError> {
        if self.guards(address) {
            return Ok(());
        }
        Err(ConfigError::unusable(
            "listen",
            format!(
                "other machines reach {address}, on which this host listens until it is restarted: \
                 keep `listen.token-file` or `listen.tls.client-authorities` until then"
            ),
        ))
    }

    /// Returns true if only this machine reaches an address, or clients must show who they are.
    fn guards(&self, address: SocketAddr) -> bool {
        let clients_certified =
            self.tls.as_ref().is_some_and(|tls| tls.client_authorities.is_some());
        address.ip().is_loopback() || self.token_file.is_some() || clients_certified
    }

    /// Returns the files of the token and the certificates.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        let tls = self.tls.iter().flat_map(|tls| {
            [Some(&tls.certificate), Some(&tls.key), tls.client_authorities.as_ref()]
        });
        tls.chain([self.token_file.as_ref()]).flatten().map(PathBuf::as_path)
    }

    pub(super) fn resolve(&mut self, base: &Path) {
        let tls = self.tls.as_mut();
        let tls = tls.map(|tls| {
            [Some(&mut tls.certificate), Some(&mut tls.key), tls.client_authorities.as_mut()]
        });
        let files = tls.into_iter().flatten().chain([self.token_file.as_mut()]);
        for file in files.flatten() {
            *file = base.join(&*file);
        }
    }
}
