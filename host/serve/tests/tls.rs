//! Encrypted connections, clients with certificates, and HTTP/2.

mod common;

use common::Served;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use sandlab_serve::config::Tls;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/certificates").join(name)
}

fn served(client_authorities: Option<PathBuf>) -> Served {
    let mut config = common::config("[agents.echo]\ncomponent = '@echo'");
    let (certificate, key) = (file("server.pem"), file("server.key"));
    config.listen.tls = Some(Tls { certificate, key, client_authorities });
    Served::with(&config)
}

/// A client that trusts the server's authority, with a certificate of its own or without.
fn client(has_certificate: bool, protocol: &str) -> TlsConnector {
    let mut authorities = RootCertStore::empty();
    authorities.add(CertificateDer::from_pem_file(file("authority.pem")).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let builder = builder.with_root_certificates(authorities);
    let mut config = match has_certificate {
        true => {
            let certificate = CertificateDer::from_pem_file(file("client.pem")).unwrap();
            let key = PrivateKeyDer::from_pem_file(file("client.key")).unwrap();
            builder.with_client_auth_cert(vec![certificate], key).unwrap()
        }
        false => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    TlsConnector::from(Arc::new(config))
}

fn ask() -> http::Request<Full<hyper::body::Bytes>> {
    let request = http::Request::post("https://localhost/agents/echo").header("host", "localhost");
    request.body(Full::from("hello")).unwrap()
}

/// Returns what the agent answers over TLS and HTTP/1.1. `None` if the connection is refused.
async fn asked(served: &Served, has_certificate: bool) -> Option<Vec<u8>> {
    let stream = TcpStream::connect(served.address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = client(has_certificate, "http/1.1").connect(name, stream).await.ok()?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
    tokio::spawn(connection);
    let response = sender.send_request(ask()).await.ok()?;
    Some(response.into_body().collect().await.ok()?.to_bytes().into())
}

#[test]
fn connections_can_be_encrypted() {
    let served = served(None);
    assert_eq!(served.block_on(asked(&served, false)).unwrap(), b"hello");
}

#[test]
fn only_clients_with_a_certificate_are_answered_where_it_is_asked_for() {
    let served = served(Some(file("authority.pem")));
    assert_eq!(served.block_on(asked(&served, false)), None);
    assert_eq!(served.block_on(asked(&served, true)).unwrap(), b"hello");
}

#[test]
fn a_connection_from_before_certificates_were_asked_for_is_answered_no_more() {
    let served = Served::of("[agents.echo]\ncomponent = '@echo'");
    served.block_on(async {
        let stream = TcpStream::connect(served.address).await.unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        assert_eq!(sender.send_request(ask()).await.unwrap().status(), 200);
        let mut listen = sandlab_serve::config::Listen::default();
        let (certificate, key) = (file("server.pem"), file("server.key"));
        let client_authorities = Some(file("authority.pem"));
        listen.tls = Some(Tls { certificate, key, client_authorities });
        served.app.set_access(sandlab_serve::http::Access::read(&listen).unwrap());
        sender.ready().await.unwrap();
        let refused = sender.send_request(ask()).await.unwrap();
        assert_eq!(refused.status(), 403);
        assert_eq!(refused.headers()["connection"], "close");
    });
    assert_eq!(served.block_on(asked(&served, true)).unwrap(), b"hello");
}

#[test]
fn http_2_works_with_and_without_encryption() {
    let plain = Served::of("[agents.echo]\ncomponent = '@echo'");
    let encrypted = served(None);
    let answer = async |mut sender: http2::SendRequest<Full<hyper::body::Bytes>>| {
        let answers = (0..20).map(|_| sender.send_request(ask()));
        for answer in answers.collect::<Vec<_>>() {
            let response = answer.await.unwrap();
            assert_eq!(response.version(), http::Version::HTTP_2);
            let body = response.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(&body[..], b"hello");
        }
    };
    plain.block_on(async {
        let stream = TokioIo::new(TcpStream::connect(plain.address).await.unwrap());
        let (sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
        tokio::spawn(connection);
        answer(sender).await;
    });
    encrypted.block_on(async {
        let stream = TcpStream::connect(encrypted.address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let stream = TokioIo::new(client(false, "h2").connect(name, stream).await.unwrap());
        let (sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
        tokio::spawn(connection);
        answer(sender).await;
    });
}

#[test]
fn a_certificate_that_cannot_be_used_is_named() {
    let mut listen = sandlab_serve::config::Listen::default();
    let (certificate, key) = (file("server.key"), file("server.key"));
    listen.tls = Some(Tls { certificate, key, client_authorities: None });
    let error = sandlab_serve::http::Access::read(&listen).err().unwrap().to_string();
    assert!(error.contains("server.key"), "{error}");
}
