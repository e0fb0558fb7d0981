//! Agents that are somewhere behind an HTTP connection, encrypted or not, each one connection that
//! is kept.

use bytes::Bytes;
use http::uri::Authority;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use sandlab_runtime::{
    Agent, AsyncAgent, Batch, Call, CallError, Called, Cause, Fault, Handled, Message,
};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// Returns the address of a URL's host, `HOST:PORT`.
///
/// # Errors
/// If the port is none; the text says so.
pub fn address(authority: &Authority, usual_port: u16) -> Result<String, String> {
    let host = authority.host();
    match authority.port_u16() {
        Some(port) if port > 0 => Ok(format!("{host}:{port}")),
        None if authority.as_str().ends_with(host) => Ok(format!("{host}:{usual_port}")),
        _ => Err("its port is no number from 1 to 65535".to_owned()),
    }
}

/// A connection of HTTP/1.1 that is kept from request to request.
pub struct Link {
    address: String,
    tls: Option<Tls>,
    sender: Option<SendRequest<Full<Bytes>>>,
    /// Ends with the connection, and returns the error that broke it.
    driver: Option<JoinHandle<Result<(), hyper::Error>>>,
}

/// The TLS settings of a connection.
#[derive(Clone)]
pub struct Tls {
    /// The trusted authorities and the client's own certificate.
    pub connector: TlsConnector,
    /// The name that the server's certificate must have.
    pub name: ServerName<'static>,
}

impl Link {
    /// Returns a connection to an address, `HOST:PORT`, which the first request opens.
    pub fn to(address: &str) -> Self {
        Self { address: address.to_owned(), tls: None, sender: None, driver: None }
    }

    /// Encrypts the connection, if it is given TLS settings.
    pub fn secured(self, tls: Option<Tls>) -> Self {
        Self { tls, ..self }
    }

    /// Opens the connection, unless it is open.
    ///
    /// # Errors
    /// If nothing listens there.
    pub async fn open(&mut self) -> Result<&mut SendRequest<Full<Bytes>>, String> {
        if self.sender.as_ref().is_none_or(SendRequest::is_closed) {
            let stream = TcpStream::connect(&self.address).await.map_err(text)?;
            stream.set_nodelay(true).map_err(text)?;
            let (sender, driver) = match &self.tls {
                None => speak(stream).await?,
                Some(Tls { connector, name }) => {
                    let stream = connector.connect(name.clone(), stream).await;
                    speak(stream.map_err(text)?).await?
                }
            };
            (self.sender, self.driver) = (Some(sender), Some(driver));
        }
        self.sender.as_mut().ok_or_else(|| "it is closed".to_owned())
    }

    /// Sends a request and reads the whole response.
    ///
    /// # Errors
    /// If the connection breaks before its end.
    pub async fn exchange(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Bytes>, String> {
        let sender = self.open().await?;
        let answered = async {
            sender.ready().await?;
            let (head, body) = sender.send_request(request).await?.into_parts();
            Ok(Response::from_parts(head, body.collect().await?.to_bytes()))
        };
        match answered.await {
            Ok(response) => Ok(response),
            Err(error) => Err(self.broken_by(error).await),
        }
    }

    /// Returns the error that broke the connection, if that made a request fail.
    async fn broken_by(&mut self, error: hyper::Error) -> String {
        let driver = self.driver.take().filter(|_| error.is_canceled() || error.is_closed());
        let ended = match driver {
            Some(driver) => timeout(Duration::from_secs(1), driver).await.ok(),
            None => None,
        };
        match ended {
            Some(Ok(Err(why))) => chain(&why),
            _ => chain(&error),
        }
    }
}

/// Begins to speak HTTP.
async fn speak<S>(stream: S) -> Result<Spoken, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, driver) = handshake(TokioIo::new(stream)).await.map_err(text)?;
    Ok((sender, tokio::spawn(driver)))
}

/// A sender of requests, and the task that drives the connection.
type Spoken = (SendRequest<Full<Bytes>>, JoinHandle<Result<(), hyper::Error>>);

/// Returns an error with all that it comes from.
fn chain(error: &dyn std::error::Error) -> String {
    let sources = std::iter::successors(error.source(), |error| error.source());
    sources.fold(error.to_string(), |text, source| format!("{text}: {source}"))
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// A way to send messages and receive replies.
pub trait Exchange: Send + 'static {
    /// Gets ready for the first message.
    fn open(&mut self) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Exchanges a message for its replies.
    fn exchange(
        &mut self,
        message: &Message,
    ) -> impl Future<Output = Result<Handled, CallError>> + Send;
}

/// An agent behind an exchange whose calls wait on the runtime of the caller.
pub struct Waiting<E>(pub E);

/// An agent behind an exchange whose calls block, with the runtime that drives it.
pub struct Blocking<E> {
    exchange: E,
    runtime: Runtime,
}

impl<E: Exchange> Blocking<E> {
    /// Opens the exchange.
    ///
    /// # Errors
    /// If it cannot be opened, or the machine gives no runtime.
    pub fn open(mut exchange: E) -> Result<Self, Fault> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Cause::Host(format!("a runtime: {error}")))?;
        runtime.block_on(exchange.open())?;
        Ok(Self { exchange, runtime })
    }
}

impl<E: Exchange> Agent for Blocking<E> {
    fn configure(&mut self, _config: &[u8]) -> Result<Vec<Message>, CallError> {
        Err(Cause::Unsupported("configure".to_owned()).into())
    }

    fn handle(&mut self, message: &Message) -> Result<Handled, CallError> {
        self.runtime.block_on(self.exchange.exchange(message))
    }
}

impl<E: Exchange> Agent for Waiting<E> {
    fn configure(&mut self, _config: &[u8]) -> Result<Vec<Message>, CallError> {
        Err(Cause::Unsupported("configure".to_owned()).into())
    }

    fn handle(&mut self, _message: &Message) -> Result<Handled, CallError> {
        Err(Cause::Unsupported("handle without waiting".to_owned()).into())
    }
}

impl<E: Exchange> AsyncAgent for Waiting<E> {
    fn call(mut self: Box<Self>, message: Message) -> Call {
        Box::pin(async move {
            let outcome = self.0.exchange(&message).await;
            Called { agent: self as Box<dyn AsyncAgent>, outcome }
        })
    }

    fn call_batch(self: Box<Self>, _messages: Vec<Message>) -> Call<Batch> {
        let outcome = Err(Cause::Unsupported("batch".to_owned()).into());
        Box::pin(async { Called { agent: self as Box<dyn AsyncAgent>, outcome } })
    }

    fn call_parcel(self: Box<Self>, _message: Message) -> Call {
        let outcome = Err(Cause::Unsupported("parcels".to_owned()).into());
        Box::pin(async { Called { agent: self as Box<dyn AsyncAgent>, outcome } })
    }
}
