//! Encrypted connections to hosts.

use super::access::Access;
use crate::sampling::exchange::Tls;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;
use tokio_rustls::TlsConnector;

/// Returns what encrypts connections to the host with this name: its certificate has to come from
/// the authorities that the client trusts, and it is shown the client's own, if there is one.
pub(super) fn of(host: &str, access: &Access) -> Result<Tls, String> {
    let name = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let name = ServerName::try_from(name).map_err(|error| format!("{host}: {error}"))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let builder =
        builder.with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
    let builder = builder.with_root_certificates(trusted(access)?);
    let mut config = match &access.identity {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let private = PrivateKeyDer::from_pem_file(key).map_err(unusable(key))?;
            let config = builder.with_client_auth_cert(certificates(certificate)?, private);
            config.map_err(unusable(certificate))?
        }
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Tls { connector: TlsConnector::from(Arc::new(config)), name })
}

/// Returns the authorities that a host's certificate may come from.
fn trusted(access: &Access) -> Result<RootCertStore, String> {
    let mut authorities = RootCertStore::empty();
    match &access.root_certificates {
        Some(file) => {
            for authority in certificates(file)? {
                authorities.add(authority).map_err(unusable(file))?;
            }
        }
        None => {
            // Of those that the system has, some may be of a kind that rustls does not know.
            let system = rustls_native_certs::load_native_certs();
            authorities.add_parsable_certificates(system.certs);
        }
    }
    match authorities.is_empty() {
        true => {
            Err("this machine trusts no certificates: give some with `--root-certificates`"
                .to_owned())
        }
        false => Ok(authorities),
    }
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let all = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let all = all.map_err(unusable(file))?;
    match all.is_empty() {
        true => Err(format!("{}: it has no certificate in PEM", file.display())),
        false => Ok(all),
    }
}

fn unusable<E: Display>(file: &Path) -> impl FnOnce(E) -> String {
    let file = file.display().to_string();
    move |error| format!("{file}: {error}")
}
