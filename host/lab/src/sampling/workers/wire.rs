//! A connection to the NATS server at which commands and workers meet.

use super::protocol::{BEAT, encode};
use crate::{Error, Result};
use async_nats::{Client, Subject, Subscriber};
use sandlab_serve::nats::{Connections, Settings};
use serde::Serialize;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

/// A connection, and the thread that drives it. Not for async code.
pub struct Line {
    pub runtime: Runtime,
    pub client: Client,
    /// This side's unique id.
    pub id: String,
    /// The server, as messages to people name it.
    pub at: String,
    _connections: Connections,
}

impl Line {
    /// Connects.
    ///
    /// # Errors
    /// If no server can be reached.
    pub fn open(settings: &Settings) -> Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(|error| Error::Machine(format!("a runtime: {error}")))?;
        let connections = runtime.block_on(Connections::open(settings));
        let connections = connections.map_err(|error| Error::Usage(error.to_string()))?;
        let [client, ..] = connections.all() else {
            return Err(Error::Machine("there is no connection to NATS".to_owned()));
        };
        let client = client.clone();
        let id = client.new_inbox();
        let id = id.rsplit('.').next().unwrap_or_default().to_owned();
        let hosts = settings.urls.iter().map(|url| url.rsplit('@').next().unwrap_or(url));
        let at = hosts.collect::<Vec<_>>().join(", ");
        Ok(Self { runtime, client, id, at, _connections: connections })
    }

    /// Subscribes, and returns when the server knows.
    ///
    /// # Errors
    /// If the connection has ended.
    pub fn subscribe(&self, subject: String) -> Result<Subscriber> {
        let subscribed = self.runtime.block_on(async {
            let subscriber =
                self.client.subscribe(subject).await.map_err(|error| error.to_string())?;
            self.client.flush().await.map_err(|error| error.to_string())?;
            Ok::<_, String>(subscriber)
        });
        subscribed.map_err(|why| Error::Machine(format!("NATS at {}: {why}", self.at)))
    }

    /// As [`subscribe`](Self::subscribe), of two.
    ///
    /// # Errors
    /// If the connection has ended.
    pub fn subscribe_both(&self, [one, other]: [String; 2]) -> Result<[Subscriber; 2]> {
        Ok([self.subscribe(one)?, self.subscribe(other)?])
    }

    /// Sends a message. Returns no error if the connection has ended: the other side then misses
    /// this one's signs of life.
    pub fn send<T: Serialize>(&self, to: Subject, body: &T) {
        if let Ok(bytes) = encode(body) {
            let _ = self.runtime.block_on(self.client.publish(to, bytes.into()));
        }
    }

    /// Sends a message at every beat, until it is aborted or the connection ends.
    pub fn beats<T: Serialize>(&self, to: Subject, body: &T) -> JoinHandle<()> {
        let (client, beat) = (self.client.clone(), encode(body).unwrap_or_default());
        self.runtime.spawn(async move {
            while client.publish(to.clone(), beat.clone().into()).await.is_ok() {
                tokio::time::sleep(BEAT).await;
            }
        })
    }

    /// Waits until the server has all sent messages.
    pub fn flush(&self) {
        let _ = self.runtime.block_on(self.client.flush());
    }
}
