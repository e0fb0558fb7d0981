//! The messages that agents are sent, and the replies that they must give.
//!
//! The messages of the reference agents come from a seeded generator (ChaCha8, the same on every
//! machine), which derives the expected reply with the request. Timings of an agent that gives a
//! wrong reply do not count.

mod arithmetic;
mod conversation;
mod directory;
mod documents;
mod file;
mod text;

pub use directory::with_directory;
pub use file::{read, read_text};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use sandlab_runtime::{AgentId, Handled, Identity, Message};
use sha2::{Digest, Sha256};
use std::sync::OnceLock;

/// The message sizes that every reference agent is measured with, bytes.
pub const SIZES: [usize; 3] = [16, 1_024, 65_536];

/// The reference agents that compute, whose time is spent in their own code. The geometric mean of
/// the sandbox's cost is taken over these.
pub const COMPUTE: [&str; 8] =
    ["hash", "json", "search", "matrix", "sort", "wordcount", "compress", "markdown"];

/// A series of messages.
#[derive(Debug)]
pub struct Case {
    /// The size of the generated messages, bytes; `None` for a workload file.
    pub size: Option<usize>,
    /// The agent's configuration; empty if it is not configured.
    pub config: Vec<u8>,
    /// Names of the agents that it can find; their ids start at 2.
    pub peers: Vec<String>,
    /// Whether it needs a writable directory granted as `/data`.
    pub directory: bool,
    /// The messages, in order; the series can be repeated from the start.
    pub exchanges: Vec<Exchange>,
}

/// A message and its expected reply.
#[derive(Debug)]
pub struct Exchange {
    /// The message.
    pub request: Message,
    /// What the agent must do with it.
    pub expected: Expected,
}

/// The expected reaction to a message.
#[derive(Debug)]
pub enum Expected {
    /// One reply with these bytes.
    Reply(Vec<u8>),
    /// One reply per entry, with its bytes.
    Replies(Vec<Vec<u8>>),
    /// One reply with a DEFLATE stream of these bytes.
    Deflated(Vec<u8>),
    /// No reply, and one message with these bytes to this agent.
    Sends(AgentId, Vec<u8>),
    /// The same replies as the first time, on any backend: all that can be required of an unknown
    /// agent.
    Repeats(OnceLock<Vec<Vec<u8>>>),
}

impl Exchange {
    fn new(request: impl AsRef<[u8]>, expected: Expected) -> Self {
        Self { request: Message::request(request.as_ref()), expected }
    }

    fn reply(request: impl AsRef<[u8]>, reply: impl Into<Vec<u8>>) -> Self {
        Self::new(request, Expected::Reply(reply.into()))
    }
}

impl Case {
    fn of(size: usize, exchanges: Vec<Exchange>) -> Self {
        Self {
            size: Some(size),
            config: Vec::new(),
            peers: Vec::new(),
            directory: false,
            exchanges,
        }
    }

    /// Returns an identity that can find the case's peers.
    pub fn identity(&self) -> Identity {
        let peers = self.peers.iter().zip(2..);
        Identity::with_peers(peers.map(|(name, id)| (name.as_str(), id)).collect())
    }

    /// Returns the mean size of the messages' content, bytes.
    pub fn mean_bytes(&self) -> u64 {
        let sum: usize = self.exchanges.iter().map(|e| e.request.content.len()).sum();
        (sum / self.exchanges.len().max(1)) as u64
    }
}

impl Expected {
    /// Checks what the agent did.
    ///
    /// # Errors
    /// If it differs: the text names the expected and the actual reaction.
    pub fn check(&self, handled: &Handled) -> Result<(), String> {
        let replies: Vec<&[u8]> = handled.replies.iter().map(|r| &*r.content).collect();
        match self {
            Self::Reply(expected) => same(&[expected], &replies)?,
            Self::Replies(expected) => same(expected, &replies)?,
            Self::Deflated(expected) => match replies.as_slice() {
                [stream] => {
                    let inflated = miniz_oxide::inflate::decompress_to_vec(stream)
                        .map_err(|error| format!("the reply is not a DEFLATE stream: {error}"))?;
                    same(&[expected], &[&inflated])?;
                }
                other => return Err(format!("expected one reply, got {}", other.len())),
            },
            Self::Sends(recipient, expected) => {
                same::<&[u8]>(&[], &replies)?;
                return match handled.sent.as_slice() {
                    [sent] if sent.recipient == *recipient => same(&[expected], &[&sent.content]),
                    sent => Err(format!(
                        "expected one message to agent {recipient}, got {} to others",
                        sent.len()
                    )),
                };
            }
            Self::Repeats(first) => {
                let first = first.get_or_init(|| replies.iter().map(|r| r.to_vec()).collect());
                return same(first, &replies);
            }
        }
        match handled.sent.len() {
            0 => Ok(()),
            sent => Err(format!("expected no sent messages, got {sent}")),
        }
    }
}

fn same<E: AsRef<[u8]>>(expected: &[E], got: &[&[u8]]) -> Result<(), String> {
    if expected.len() != got.len() {
        let (expected, got) = (expected.len(), got.len());
        return Err(format!("expected {expected} replies, got {got}"));
    }
    let pairs = expected.iter().map(AsRef::as_ref).zip(got.iter().copied());
    let different = pairs.into_iter().find(|(expected, got)| expected != got);
    different.map_or(Ok(()), |(expected, got)| {
        let at = expected.iter().zip(got).take_while(|(a, b)| a == b).count();
        Err(format!(
            "expected {}, got {}: they differ from byte {at} on",
            excerpt(expected),
            excerpt(got)
        ))
    })
}

fn excerpt(bytes: &[u8]) -> String {
    const SHOWN: usize = 40;
    let start = bytes[..bytes.len().min(SHOWN)].escape_ascii();
    match bytes.len() {
        0..=SHOWN => format!("\"{start}\""),
        longer => format!("\"{start}…\" ({longer} bytes)"),
    }
}

/// Returns the cases of a reference agent, one per size of [`SIZES`]; `None` if there is no such
/// agent.
pub fn of_agent(agent: &str, seed: u64) -> Option<Vec<Case>> {
    let make: fn(usize, &mut ChaCha8Rng) -> Case = match agent {
        "hash" => arithmetic::hash,
        "matrix" => arithmetic::matrix,
        "sort" => arithmetic::sort,
        "json" => documents::json,
        "search" => documents::search,
        "wordcount" => documents::wordcount,
        "compress" => documents::compress,
        "markdown" => documents::markdown,
        "echo" => conversation::echo,
        "relay" => conversation::relay,
        "notebook" => conversation::notebook,
        "files" => conversation::files,
        "allocator" => conversation::allocator,
        "faulty" => conversation::faulty,
        _ => return None,
    };
    let cases = SIZES.map(|size| make(size, &mut generator(agent, size, seed)));
    Some(cases.into())
}

/// Returns cases for an unknown agent: random bytes, to which it must always give the same reply.
pub fn of_unknown(seed: u64) -> Vec<Case> {
    let cases = SIZES.map(|size| conversation::unknown(size, &mut generator("", size, seed)));
    cases.into()
}

/// Returns the generator of a case, which does not depend on the cases generated before.
fn generator(agent: &str, size: usize, seed: u64) -> ChaCha8Rng {
    let digest = Sha256::new()
        .chain_update(seed.to_le_bytes())
        .chain_update((size as u64).to_le_bytes())
        .chain_update(agent)
        .finalize();
    ChaCha8Rng::from_seed(digest.into())
}

/// Returns the number of messages of a case: too many for a branch predictor to learn, and few
/// enough to stay in the cache, as messages in transit do.
fn messages(size: usize) -> usize {
    if size > 4_096 { 3 } else { 24 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_messages() {
        for agent in ["json", "markdown", "sort"] {
            let contents = |seed| -> Vec<Vec<u8>> {
                let cases = of_agent(agent, seed).unwrap();
                let exchanges = cases.into_iter().flat_map(|case| case.exchanges);
                exchanges.map(|exchange| exchange.request.content).collect()
            };
            assert_eq!(contents(1), contents(1), "{agent}");
            assert_ne!(contents(1), contents(2), "{agent}");
        }
    }

    #[test]
    fn messages_have_the_size_that_is_stated() {
        for agent in COMPUTE.into_iter().chain(["echo", "relay"]) {
            for case in of_agent(agent, 7).unwrap() {
                for exchange in &case.exchanges {
                    assert_eq!(Some(exchange.request.content.len()), case.size, "{agent}");
                }
            }
        }
    }

    #[test]
    fn a_wrong_reply_is_told_apart_and_described() {
        let handled = Handled { replies: vec![Message::request(b"four")], sent: Vec::new() };
        assert!(Expected::Reply(b"four".to_vec()).check(&handled).is_ok());
        let error = Expected::Reply(b"five".to_vec()).check(&handled);
        assert!(error.unwrap_err().contains("from byte 1 on"));
    }
}
