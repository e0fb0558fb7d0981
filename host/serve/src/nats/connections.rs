//! A few connections to one NATS server, over which messages are spread.

use super::NatsError;
use super::settings::{Settings, Spread, without_password};
use async_nats::connection::State;
use async_nats::{Client, ConnectOptions, Event, ServerAddr};
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// The longest wait between two attempts to reconnect: a server that is back has its traffic back
/// within 2 s.
const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// A pool of connections to one NATS server or cluster. Each reconnects without limit. Clones are
/// the same pool.
#[derive(Clone)]
pub struct Connections(Arc<Inner>);

struct Inner {
    clients: Vec<Client>,
    spread: Spread,
    next: AtomicUsize,
    hasher: RandomState,
    events: Arc<Events>,
}

#[derive(Default)]
struct Events {
    lost: AtomicU64,
    dropped: AtomicU64,
}

/// Counts of a pool's connections since they were opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionFigures {
    /// Connections of the pool.
    pub open: usize,
    /// Connections that reach a server now.
    pub connected: usize,
    /// Times that a connection lost its server. Each time it looks for another one.
    pub lost: u64,
    /// Times that messages were dropped because they came faster than they were taken.
    pub dropped: u64,
    /// Messages received.
    pub received: u64,
    /// Messages sent.
    pub sent: u64,
}

impl Connections {
    /// Connects.
    ///
    /// # Errors
    /// [`NatsError`] if no server can be reached, or it does not accept the credentials.
    pub async fn open(settings: &Settings) -> Result<Self, NatsError> {
        settings.check([]).map_err(NatsError::Settings)?;
        let events = Arc::new(Events::default());
        let mut clients = Vec::new();
        for _ in 0..settings.connections {
            clients.push(connect(settings, events.clone()).await?);
        }
        Ok(Self(Arc::new(Inner {
            clients,
            spread: settings.spread,
            next: AtomicUsize::new(0),
            hasher: RandomState::new(),
            events,
        })))
    }

    /// Returns all connections.
    pub fn all(&self) -> &[Client] {
        &self.0.clients
    }

    /// Returns the index of the connection that carries the next message to an agent.
    pub fn pick(&self, agent: &str) -> usize {
        let count = self.0.clients.len();
        match self.0.spread {
            _ if count == 1 => 0,
            Spread::ByRecipient => (self.0.hasher.hash_one(agent) % count as u64) as usize,
            Spread::RoundRobin => self.0.next.fetch_add(1, Ordering::Relaxed) % count,
        }
    }

    /// Returns the connections on which an agent's messages are received: one that is always the
    /// same, or all of them, among which the server alternates.
    pub fn listening(&self, agent: &str) -> std::ops::Range<usize> {
        match self.0.spread {
            Spread::ByRecipient => {
                let index = self.pick(agent);
                index..index + 1
            }
            Spread::RoundRobin => 0..self.0.clients.len(),
        }
    }

    /// Waits until the servers have all messages that were sent so far.
    ///
    /// # Errors
    /// [`NatsError::Closed`] if a connection has ended.
    pub async fn flush(&self) -> Result<(), NatsError> {
        for client in self.all() {
            client.flush().await.map_err(|_| NatsError::Closed)?;
        }
        Ok(())
    }

    /// Returns the figures of the connections.
    pub fn figures(&self) -> ConnectionFigures {
        let is_connected = |client: &&Client| client.connection_state() == State::Connected;
        let mut figures = ConnectionFigures {
            open: self.all().len(),
            connected: self.all().iter().filter(is_connected).count(),
            lost: self.0.events.lost.load(Ordering::Relaxed),
            dropped: self.0.events.dropped.load(Ordering::Relaxed),
            ..ConnectionFigures::default()
        };
        for client in self.all() {
            let statistics = client.statistics();
            figures.received += statistics.in_messages.load(Ordering::Relaxed);
            figures.sent += statistics.out_messages.load(Ordering::Relaxed);
        }
        figures
    }
}

async fn connect(settings: &Settings, events: Arc<Events>) -> Result<Client, NatsError> {
    let mut options = ConnectOptions::new()
        .name("sandlab")
        .reconnect_delay_callback(wait_before)
        .event_callback(move |event| {
            match event {
                Event::Disconnected => events.lost.fetch_add(1, Ordering::Relaxed),
                Event::SlowConsumer(_) => events.dropped.fetch_add(1, Ordering::Relaxed),
                _ => 0,
            };
            std::future::ready(())
        });
    if let Some(file) = &settings.credentials {
        let read = options.credentials_file(file).await;
        options = read.map_err(|error| NatsError::Credentials(file.clone(), error))?;
    }
    if let Some(file) = &settings.root_certificates {
        options = options.add_root_certificates(file.clone());
    }
    let urls: Result<Vec<ServerAddr>, _> = settings.urls.iter().map(|url| url.parse()).collect();
    let urls = urls.map_err(|error| NatsError::Settings(format!("urls: {error}")))?;
    // The servers of a cluster know the same users, and async-nats leaves those of URLs out.
    if let Some(user) =
        urls.iter().find_map(Credentials::of).filter(|_| settings.credentials.is_none())
    {
        options = match user {
            Credentials::Password(user, password) => options.user_and_password(user, password),
            Credentials::Token(token) => options.token(token),
        };
    }
    options
        .connect(urls)
        .await
        .map_err(|error| NatsError::Connect(without_passwords(settings), error))
}

/// What a URL has before its host.
#[derive(Debug, PartialEq, Eq)]
enum Credentials {
    /// `nats://USER:PASSWORD@HOST`
    Password(String, String),
    /// `nats://TOKEN@HOST`
    Token(String),
}

impl Credentials {
    /// Returns those of a server's URL; `None` if it has none.
    fn of(url: &ServerAddr) -> Option<Self> {
        let user = decoded(url.username()?);
        Some(match url.password() {
            Some(password) => Self::Password(user, decoded(password)),
            None => Self::Token(user),
        })
    }
}

/// Returns a part of a URL with its percent-encoded bytes as they are meant.
fn decoded(part: &str) -> String {
    percent_decode_str(part).decode_utf8_lossy().into_owned()
}

/// Returns the URLs, for people.
fn without_passwords(settings: &Settings) -> String {
    settings.urls.iter().map(|url| without_password(url)).collect::<Vec<_>>().join(", ")
}

/// Returns the wait before an attempt to connect: twice as long each time, less a random part of up
/// to half, so that many hosts do not come back at the same moment.
fn wait_before(attempt: usize) -> Duration {
    if attempt <= 1 {
        return Duration::ZERO;
    }
    let longest = Duration::from_millis(10 << attempt.min(10)).min(LONGEST_WAIT);
    let chance = RandomState::new().hash_one(attempt) % 1_024;
    longest.mul_f64(1.0 - chance as f64 / 2_048.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_half_a_second_and_no_further() {
        assert_eq!(wait_before(1), Duration::ZERO);
        assert!((Duration::from_millis(20)..=Duration::from_millis(40)).contains(&wait_before(2)));
        for attempt in [20, 1_000, usize::MAX] {
            assert!((LONGEST_WAIT / 2..=LONGEST_WAIT).contains(&wait_before(attempt)));
        }
    }

    #[test]
    fn a_url_has_a_user_with_a_password_or_a_token() {
        let of = |url: &str| Credentials::of(&url.parse().unwrap());
        let password =
            |password: &str| Some(Credentials::Password("me".to_owned(), password.to_owned()));
        assert_eq!(of("nats://a:4222"), None);
        assert_eq!(of("nats://me:secret@a:4222"), password("secret"));
        assert_eq!(of("tls://me:p%40s%25%C3%A4@a"), password("p@s%ä"));
        assert_eq!(of("nats://s3cret@a"), Some(Credentials::Token("s3cret".to_owned())));
    }

    #[test]
    fn a_password_is_not_told() {
        let urls = ["nats://user:secret@a:4222", "nats://b:4222"].map(str::to_owned).to_vec();
        let told = without_passwords(&Settings { urls, ..Settings::default() });
        assert_eq!(told, "a:4222, nats://b:4222");
    }
}
