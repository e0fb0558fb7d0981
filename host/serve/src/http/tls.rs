//! Certificates.

use super::AccessError;
use crate::config::Tls;
use rustls::RootCertStore;
use rustls::ServerConfig;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use std::path::Path;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// Reads the certificates of a configuration.
pub fn acceptor(tls: &Tls) -> Result<TlsAcceptor, AccessError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let unusable = |path: &Path| {
        let path = path.to_owned();
        move |error: rustls::Error| AccessError { path, reason: error.to_string() }
    };
    let builder = ServerConfig::builder_with_provider(provider.clone());
    let builder = builder.with_safe_default_protocol_versions();
    let builder = builder.map_err(unusable(&tls.certificate))?;
    let builder = match &tls.client_authorities {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let authorities = Arc::new(authorities(path)?);
            let verifier = WebPkiClientVerifier::builder_with_provider(authorities, provider);
            let verifier = verifier
                .build()
                .map_err(|error| AccessError { path: path.clone(), reason: error.to_string() })?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let key = PrivateKeyDer::from_pem_file(&tls.key).map_err(unreadable(&tls.key))?;
    let config = builder.with_single_cert(certificates(&tls.certificate)?, key);
    let mut config = config.map_err(unusable(&tls.certificate))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Reads the authorities that certificates must come from.
pub fn authorities(path: &Path) -> Result<RootCertStore, AccessError> {
    let mut authorities = RootCertStore::empty();
    for authority in certificates(path)? {
        authorities
            .add(authority)
            .map_err(|error| AccessError { path: path.to_owned(), reason: error.to_string() })?;
    }
    Ok(authorities)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, AccessError> {
    let text = sandlab_runtime::text_file::read(path).map_err(|error| AccessError {
        path: path.to_owned(),
        reason: format!("cannot read the certificates: {error}"),
    })?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    let all = all.map_err(unreadable(path))?;
    if all.is_empty() {
        let reason = "it has no certificate in PEM".to_owned();
        return Err(AccessError { path: path.to_owned(), reason });
    }
    Ok(all)
}

fn unreadable(path: &Path) -> impl FnOnce(pem::Error) -> AccessError {
    let path = path.to_owned();
    move |error| AccessError { path, reason: error.to_string() }
}
