//! Agents that are somewhere behind an HTTP connection, each one connection that is kept.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use sandlab_runtime::{
    Agent, AsyncAgent, Batch, Call, CallError, Called, Cause, Fault, Handled, Message,
};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};

/// A connection of HTTP/1.1 that is kept from request to request.
pub struct Link {
    address: String,
    sender: Option<SendRequest<Full<Bytes>>>,
}

impl Link {
    /// Returns a connection to an address, `HOST:PORT`, which the first request opens.
    pub fn to(address: &str) -> Self {
        Self { address: address.to_owned(), sender: None }
    }

    /// Opens the connection, unless it is.
    ///
    /// # Errors
    /// If nothing listens there.
    pub async fn open(&mut self) -> Result<&mut SendRequest<Full<Bytes>>, String> {
        if self.sender.as_ref().is_none_or(SendRequest::is_closed) {
            let stream = TcpStream::connect(&self.address).await.map_err(text)?;
            stream.set_nodelay(true).map_err(text)?;
            let (sender, driver) = handshake(TokioIo::new(stream)).await.map_err(text)?;
            // A broken connection is told to whoever sends.
            tokio::spawn(async move { drop(driver.await) });
            self.sender = Some(sender);
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
        sender.ready().await.map_err(text)?;
        let (head, body) = sender.send_request(request).await.map_err(text)?.into_parts();
        let body = body.collect().await.map_err(text)?.to_bytes();
        Ok(Response::from_parts(head, body))
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// A way to exchange messages for replies with something else.
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
