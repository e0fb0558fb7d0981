//! One request to the service `rust-service`: through sandlab-runtime's subject, and through
//! `wasmtime-wasi-http` by hand, with the same engine settings.

use crate::{by_wasmtime, foreign};
use anyhow::{Result, bail, ensure};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use sandlab::experiments::by_hand::{ByHand, Knobs};
use sandlab_runtime::subject::{Data, HttpRequest, HttpResponse, Options, Subject, load_bytes};
use sandlab_runtime::wasm::SandboxEngine;
use sandlab_runtime::{Agent, Identity, Message, SandboxConfig};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use wasmtime::Store;
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;
use wasmtime_wasi_http::p2::bindings::{Proxy, ProxyPre};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

/// `rust-service`, loaded on both sides.
pub struct Service {
    ours: Subject,
    by_hand: ProxyPre<Host>,
    tokio: Runtime,
    reuses: bool,
}

impl Service {
    /// Loads both sides, with an instance for all requests or a fresh one for each.
    ///
    /// # Errors
    /// If `rust-service` is not built, or does not load.
    pub fn load(reuses: bool) -> Result<Self> {
        let component = foreign("rust-service")?;
        let sandbox = SandboxConfig::default();
        let options = Options { reuse: reuses.then_some(u64::MAX), ..Options::default() };
        Ok(Self {
            ours: load_bytes(&SandboxEngine::new(&sandbox)?, &component, "service", &options)?,
            by_hand: link(&component, &sandbox).map_err(by_wasmtime)?,
            tokio: Builder::new_current_thread().enable_all().build()?,
            reuses,
        })
    }

    /// Starts an instance through sandlab-runtime.
    ///
    /// # Errors
    /// If it does not start.
    pub fn ours(&self) -> Result<Box<dyn Agent>> {
        Ok(self.ours.backend.spawn(Identity::alone())?)
    }

    /// Returns hand-written wasmtime, before its first request.
    pub fn by_hand(&self) -> Server<'_> {
        Server { service: self, live: None }
    }
}

fn link(component: &[u8], sandbox: &SandboxConfig) -> wasmtime::Result<ProxyPre<Host>> {
    // Epochs, as sandlab-runtime has them by default.
    let engine = ByHand::engine(sandbox, Knobs { epochs: true, ..Knobs::default() })?;
    let mut linker = Linker::new(&engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    ProxyPre::new(linker.instantiate_pre(&Component::new(&engine, component)?)?)
}

/// A request and its response, in the forms that either side takes.
pub struct Echoed {
    /// As a message to a subject.
    message: Message,
    /// As the HTTP library has it, when the connection has read it.
    pub request: Request<Bytes>,
    body: Bytes,
}

impl Echoed {
    /// Returns so many requests, no two of them alike, with bodies of this size that the service
    /// replies with.
    ///
    /// # Errors
    /// If they are no requests.
    pub fn some(count: usize, size: usize) -> Result<Vec<Self>> {
        (0..count).map(|n| Self::new(n, size)).collect()
    }

    fn new(n: usize, size: usize) -> Result<Self> {
        let mut text = format!("request {n}: ").into_bytes();
        text.resize(size, b'a' + (n % 26) as u8);
        let (kind, text) = ("text/plain", String::from_utf8(text)?);
        let message = HttpRequest {
            method: "POST".into(),
            path: "/echo".into(),
            headers: vec![("content-type".into(), kind.into())],
            body: Data::from(&*text),
        };
        let message = Message::request(message.encode());
        let body = Bytes::from(text);
        let request = Request::builder().method(Method::POST).uri("/echo");
        let request = request.header("content-type", kind).header("host", "localhost");
        Ok(Self { message, request: request.body(body.clone())?, body })
    }
}

/// Sends a request through sandlab-runtime.
///
/// # Errors
/// If the service does not answer it.
pub fn exchange(agent: &mut dyn Agent, request: &Echoed) -> Result<Vec<u8>> {
    let mut handled = agent.handle(&request.message)?;
    let Some(reply) = handled.replies.pop() else {
        bail!("the service did not reply");
    };
    ensure!(reply.content.len() > request.body.len(), "the reply is too short");
    Ok(reply.content)
}

/// Sends a request through sandlab-runtime, and reads the response.
///
/// # Errors
/// If it is not the body of the request.
pub fn check(agent: &mut dyn Agent, request: &Echoed) -> Result<()> {
    let reply = exchange(agent, request)?;
    let response: HttpResponse = serde_json::from_slice(&reply)?;
    ensure!(response.status == 200 && *response.body.0 == *request.body, "{response:?}");
    Ok(())
}

/// A whole response.
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// Hand-written wasmtime with a service.
pub struct Server<'a> {
    service: &'a Service,
    /// The instance, if it lives for more than a request.
    live: Option<(Store<Host>, Proxy)>,
}

/// Far more time than a measured request takes.
const TIMEOUT: Duration = Duration::from_secs(60);

impl Server<'_> {
    /// Sends a request, and waits for the whole response and the handler's end.
    ///
    /// # Errors
    /// If the service does not answer, or with something else than the request's body.
    pub fn exchange(&mut self, request: Request<Bytes>) -> Result<Response> {
        let (service, length) = (self.service, request.body().len());
        let response = service.tokio.block_on(async {
            let response = tokio::time::timeout(TIMEOUT, self.respond(request));
            response.await?.map_err(by_wasmtime)
        })?;
        let is_echo = response.status == 200 && response.body.len() == length;
        ensure!(is_echo, "the service answered {}", response.status);
        Ok(response)
    }

    async fn respond(&mut self, request: Request<Bytes>) -> wasmtime::Result<Response> {
        let (mut store, proxy) = match self.live.take() {
            Some(live) => live,
            None => {
                let mut store = Store::new(self.service.by_hand.engine(), Host::default());
                store.epoch_deadline_async_yield_and_update(1);
                let proxy = self.service.by_hand.instantiate_async(&mut store).await?;
                (store, proxy)
            }
        };
        store.set_epoch_deadline(1);
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let mut http = store.data_mut().http();
        let request = http.new_incoming_request(Scheme::Http, request.map(Full::new))?;
        let out = http.new_response_outparam(sender)?;
        let call = proxy.wasi_http_incoming_handler().call_handle(&mut store, request, out);
        let received = async {
            let (head, body) = receiver.await??.into_parts();
            let body = body.collect().await?.to_bytes();
            Ok(Response { status: head.status, headers: head.headers, body })
        };
        let ((), response) = tokio::try_join!(call, received)?;
        if self.service.reuses {
            self.live = Some((store, proxy));
        }
        Ok(response)
    }
}

/// The least that a host must have for a service.
#[derive(Default)]
struct Host {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    table: ResourceTable,
}

impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for Host {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: Default::default() }
    }
}
