//! What agents are told while they are measured, and what they must answer.
//!
//! The reference agents' messages come from a seeded generator (ChaCha8, the same on
//! every machine), which knows the answer because it made the question. The timings of
//! an agent that answers otherwise do not count.

mod arithmetic;
mod conversation;
mod documents;
mod file;
mod text;

pub use file::read;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use sandlab_runtime::{AgentId, Handled, Identity, Message};
use sha2::{Digest, Sha256};
use std::sync::OnceLock;

/// The sizes of the messages that every reference agent is measured with, bytes.
pub const SIZES: [usize; 3] = [16, 1_024, 65_536];

/// The reference agents that compute: the ones whose time is the guest's own code. The
/// geometric mean of the sandbox's cost is taken over these.
pub const COMPUTE: [&str; 8] = [
    "hash",
    "json",
    "search",
    "matrix",
    "sort",
    "wordcount",
    "compress",
    "markdown",
];

/// One series of messages.
#[derive(Debug)]
pub struct Case {
    /// The size that the messages were made to have, bytes; none for a workload from a file.
    pub size: Option<usize>,
    /// What the agent is configured with; nothing if empty.
    pub config: Vec<u8>,
    /// The agents that it can find, with ids from 2 on.
    pub peers: Vec<String>,
    /// Whether it needs a directory granted as `/data`, to write in.
    pub directory: bool,
    /// The messages, in order. After the last one the first can follow again.
    pub exchanges: Vec<Exchange>,
}

/// A message, and what must come of it.
#[derive(Debug)]
pub struct Exchange {
    /// What the agent is told.
    pub request: Message,
    /// What it must do then.
    pub expected: Expected,
}

/// What an agent must do with a message.
#[derive(Debug)]
pub enum Expected {
    /// Reply once, with these bytes.
    Reply(Vec<u8>),
    /// Reply this often, with these bytes.
    Replies(Vec<Vec<u8>>),
    /// Reply once, with a DEFLATE stream of these bytes.
    Deflated(Vec<u8>),
    /// Send these bytes on, and reply nothing.
    Sends(AgentId, Vec<u8>),
    /// Reply as it did the first time, on any backend. All that can be asked of an
    /// agent of which nothing is known.
    Repeats(OnceLock<Vec<Vec<u8>>>),
}

impl Exchange {
    fn new(request: impl AsRef<[u8]>, expected: Expected) -> Self {
        Self {
            request: Message::request(request.as_ref()),
            expected,
        }
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

    /// Who an agent is that it is sent to: one that can reach the case's peers.
    pub fn identity(&self) -> Identity {
        let peers = self.peers.iter().zip(2..);
        Identity::with_peers(peers.map(|(name, id)| (name.as_str(), id)).collect())
    }

    /// The messages' mean content, bytes.
    pub fn mean_bytes(&self) -> u64 {
        let sum: usize = self.exchanges.iter().map(|e| e.request.content.len()).sum();
        (sum / self.exchanges.len().max(1)) as u64
    }
}

impl Expected {
    /// Whether the agent did what it must.
    ///
    /// # Errors
    /// What was expected, and what it did, in words.
    pub fn check(&self, handled: &Handled) -> Result<(), String> {
        let replies: Vec<&[u8]> = handled.replies.iter().map(|r| &*r.content).collect();
        match self {
            Self::Reply(expected) => same(&[expected], &replies)?,
            Self::Replies(expected) => same(expected, &replies)?,
            Self::Deflated(expected) => match replies.as_slice() {
                [stream] => {
                    let inflated = miniz_oxide::inflate::decompress_to_vec(stream)
                        .map_err(|error| format!("the reply is no DEFLATE stream: {error}"))?;
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
            sent => Err(format!("it was to send nothing, and sent {sent} messages")),
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

/// The cases of a reference agent, one a size of [`SIZES`]; none if there is no such agent.
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

/// Cases for an agent of which nothing is known: random bytes, to which it must reply
/// always the same.
pub fn of_unknown(seed: u64) -> Vec<Case> {
    let cases = SIZES.map(|size| conversation::unknown(size, &mut generator("", size, seed)));
    cases.into()
}

/// Independent of the order in which cases are made.
fn generator(agent: &str, size: usize, seed: u64) -> ChaCha8Rng {
    let digest = Sha256::new()
        .chain_update(seed.to_le_bytes())
        .chain_update((size as u64).to_le_bytes())
        .chain_update(agent)
        .finalize();
    ChaCha8Rng::from_seed(digest.into())
}

/// How many messages a case of a size has: enough that a branch predictor cannot learn
/// them all, few enough that they stay in the cache as they would on their way.
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
        let handled = Handled {
            replies: vec![Message::request(b"four")],
            sent: Vec::new(),
        };
        assert!(Expected::Reply(b"four".to_vec()).check(&handled).is_ok());
        let error = Expected::Reply(b"five".to_vec()).check(&handled);
        assert!(error.unwrap_err().contains("from byte 1 on"));
    }
}
