//! Requests to the collector: OTLP over HTTP, in protobuf.

use super::settings::Settings;
use crate::alerts::without_secrets;
use http::{Response, StatusCode, header};
use std::time::Duration;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Body};

/// The media type of OTLP in protobuf.
const PROTOBUF: &str = "application/x-protobuf";

/// The longest time that the collector takes, which is also OTLP's default.
const TIME: Duration = Duration::from_secs(10);

/// The most bytes of a response that are read: it says which parts were not taken.
const LONGEST_RESPONSE: u64 = 64 << 10;

/// The longest pause that a collector can ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The reason that nothing can be pushed to the collector.
#[derive(Debug, thiserror::Error)]
pub enum OtlpError {
    /// The system trusts no authority.
    #[error(
        "otlp.endpoint: no certificate for https:// can be checked, since the system has no \
         authorities' certificates{}: install them, for example with 'apt-get install \
         ca-certificates', or name a file of them in SSL_CERT_FILE", .0.as_ref().map_or_else(String::new, |why| format!(" ({why})"))
    )]
    NoAuthorities(Option<String>),
}

/// A kind of telemetry, each with its own path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// The metrics of the catalogue.
    Metrics,
    /// The spans of messages.
    Traces,
}

impl Signal {
    /// Returns the name, in the path and in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Metrics => "metrics",
            Self::Traces => "traces",
        }
    }
}

/// The reason that a request did not arrive, or was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotTaken {
    /// The reason, for people.
    pub why: String,
    /// The least pause before the same request can be taken; `None` if it never can.
    pub retry_after: Option<Duration>,
}

/// A client of one collector, which keeps its connections. It blocks. Clones share them.
#[derive(Clone)]
pub struct Client {
    agent: Agent,
    base: String,
    headers: Vec<(String, String)>,
}

impl Client {
    /// Returns a client of the collector of these settings. It connects with the first request.
    ///
    /// # Errors
    /// [`OtlpError`] if the collector's certificate cannot be checked.
    pub fn new(settings: &Settings) -> Result<Self, OtlpError> {
        let config = Agent::config_builder()
            .timeout_global(Some(TIME))
            .http_status_as_error(false)
            // Elsewhere the credentials could be seen.
            .max_redirects(0)
            .user_agent(concat!("sandlab/", env!("CARGO_PKG_VERSION")));
        let config = match settings.endpoint.get(..8) {
            Some(scheme) if scheme.eq_ignore_ascii_case("https://") => {
                config.tls_config(TlsConfig::builder().root_certs(authorities()?).build())
            }
            _ => config,
        };
        Ok(Self {
            agent: config.build().into(),
            base: settings.endpoint.trim_end_matches('/').to_owned(),
            headers: settings.headers.clone().into_iter().collect(),
        })
    }

    /// Returns the collector's address, for people.
    pub fn address(&self) -> String {
        without_secrets(&self.base)
    }

    /// Posts an export request, and returns the response.
    ///
    /// # Errors
    /// [`NotTaken`] with the reason.
    pub fn post(&self, signal: Signal, body: &[u8]) -> Result<Vec<u8>, NotTaken> {
        let mut request = self.agent.post(format!("{}/v1/{}", self.base, signal.name()));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let later = |error: ureq::Error| NotTaken {
            why: error.to_string(),
            retry_after: Some(Duration::ZERO),
        };
        let mut response = request.content_type(PROTOBUF).send(body).map_err(later)?;
        if !response.status().is_success() {
            return Err(not_taken(&response));
        }
        let body = response.body_mut().with_config().limit(LONGEST_RESPONSE);
        // It was taken. One that says more than can be read has nothing to say.
        Ok(body.read_to_vec().unwrap_or_default())
    }
}

/// Returns the authorities that the system trusts.
fn authorities() -> Result<RootCerts, OtlpError> {
    let system = rustls_native_certs::load_native_certs();
    if system.certs.is_empty() {
        return Err(OtlpError::NoAuthorities(system.errors.first().map(ToString::to_string)));
    }
    let certificates = system.certs.iter();
    Ok(certificates.map(|certificate| Certificate::from_der(certificate).to_owned()).into())
}

/// Returns the reason that a response gives, and whether it is worth another try: OTLP names the
/// statuses that are.
fn not_taken(response: &Response<Body>) -> NotTaken {
    let status = response.status();
    let is_passing = matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    );
    let asked = response.headers().get(header::RETRY_AFTER);
    let asked = asked.and_then(|seconds| seconds.to_str().ok()?.trim().parse().ok());
    let pause = asked.map_or(Duration::ZERO, Duration::from_secs).min(LONGEST_PAUSE);
    NotTaken { why: format!("it answers {status}"), retry_after: is_passing.then_some(pause) }
}
