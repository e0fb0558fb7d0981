//! Agents over NATS: a [`Front`] answers for a host's agents, and lets them and those of other
//! hosts find each other; a [`Remote`] asks those of any host. docs/nats.md is for users.
//!
//! ```text
//! Remote ─▶ Connections ─▶ nats-server ─▶ Connections ─▶ Service ─▶ Host
//! ```

mod accounts;
mod between;
mod connections;
mod front;
mod peers;
mod remote;
mod service;
mod settings;
mod spans;
pub mod wire;

pub use accounts::RemoteAccounts;
pub use connections::{ConnectionFigures, Connections};
pub use front::Front;
pub use peers::Peers;
pub use remote::{Remote, RemoteError, Reply};
pub use service::{Drained, Service};
pub use settings::{Settings, Spread};

use std::path::PathBuf;

/// The reason that agents cannot be reached over NATS.
#[derive(Debug, thiserror::Error)]
pub enum NatsError {
    /// The settings make no sense.
    #[error("[nats] {0}")]
    Settings(String),
    /// The file of credentials cannot be read.
    #[error("[nats] the credentials {0:?} cannot be read: {1}")]
    Credentials(PathBuf, #[source] std::io::Error),
    /// No server can be reached.
    #[error("no NATS server at {0} can be reached: {1}")]
    Connect(String, #[source] async_nats::ConnectError),
    /// An agent's name cannot be a subject.
    #[error(
        "the agent {0:?} cannot be reached over NATS: a subject has no spaces, wildcards (* and >) \
         or empty parts between its dots; give it another name"
    )]
    Name(String),
    /// The server, or the connection to it, did not take a subscription.
    #[error("the NATS server took no subscription for {0}: {1}")]
    Subscribe(String, String),
    /// The host's messages are carried to other hosts already.
    #[error("the agents of this host are connected with those of others already")]
    Carried,
    /// A connection has ended and is not opened again: the server refused the credentials when it
    /// came back, or this host has closed it.
    #[error("the connection to NATS has ended")]
    Closed,
}
