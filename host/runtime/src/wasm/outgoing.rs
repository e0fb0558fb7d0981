//! The requests of guests to others by `wasi:http`.

use crate::config::SandboxConfig;
use crate::{Level, LogLine};
use http::Request;
use wasmtime_wasi_http::{Error, RequestOptions, Result as HttpResult, WasiBody, WasiHttpHooks};

/// Attempts at outgoing requests that are kept of one call.
const ATTEMPTS: usize = 100;

/// The requests that the guest makes to others.
#[derive(Debug)]
pub struct Outgoing {
    is_granted: bool,
    /// The targets of the last call's requests that the config does not grant.
    denied: Vec<String>,
}

impl Outgoing {
    pub fn new(config: &SandboxConfig) -> Self {
        Self { is_granted: config.grants.http, denied: Vec::new() }
    }

    pub fn begin_call(&mut self) {
        self.denied.clear();
    }

    /// Takes the denied requests out, as one log line each that names the target.
    pub fn take_log(&mut self) -> impl Iterator<Item = LogLine> + '_ {
        self.denied.drain(..).map(|target| LogLine {
            level: Level::Warn,
            text: format!("outgoing HTTP denied: {target}; set `http = true` under [grants]"),
        })
    }
}

/// The response to a request, and the future that drives its connection.
type Sent = (http::Response<WasiBody>, Box<dyn Future<Output = HttpResult<()>> + Send>);

impl WasiHttpHooks for Outgoing {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _done: Box<dyn Future<Output = HttpResult<()>> + Send>,
    ) -> Box<dyn Future<Output = HttpResult<Sent>> + Send> {
        if !self.is_granted {
            if self.denied.len() < ATTEMPTS {
                let (method, uri) = (request.method(), request.uri());
                self.denied.push(format!("{method} {uri}"));
            }
            return Box::new(std::future::ready(Err(Error::HttpRequestDenied)));
        }
        Box::new(async move {
            let sent = wasmtime_wasi_http::default_send_request(request, options);
            let (response, connection) = sent.await?;
            let response = response.map(http_body_util::BodyExt::boxed_unsync);
            let connection: Box<dyn Future<Output = _> + Send> = Box::new(connection);
            Ok((response, connection))
        })
    }
}
