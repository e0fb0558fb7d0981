//! The messages of agents, and the replies that they must give.
//!
//! The messages of the reference agents come from a seeded generator (ChaCha8, the same on every
//! machine), which derives the expected reply with the request. Timings of an agent that gives a
//! wrong reply do not count.

mod arithmetic;
mod conversation;
mod directory;
mod documents;
mod expected;
mod fields;
mod file;
mod line;
mod matcher;
mod text;
mod wave;

pub use directory::with_directory;
pub use expected::{Expected, Output, Response};
pub use fields::{FailureKind, Fields, Refusal};
pub use file::{read, read_text};
pub use line::Line;
pub use matcher::{Matcher, Number};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use sandlab_runtime::subject::Kind;
use sandlab_runtime::{Handled, Identity, Message};
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
    /// The kind of subject that the messages are for.
    pub kind: Kind,
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
    /// Messages that the agent must fault at, for `recovery`; they are not part of the series.
    pub faults: Vec<Message>,
    /// Messages that the agent must answer with a failure, for `validate`; they are not part of the
    /// series.
    pub refusals: Vec<Refusal>,
    /// The workload's name and the beginning of its digest; `None` for generated messages.
    pub source: Option<String>,
}

/// A message and its expected reply.
#[derive(Debug)]
pub struct Exchange {
    /// The message.
    pub request: Message,
    /// The expected reaction.
    pub expected: Expected,
    /// The expected fields of replies besides their content, which `validate` checks.
    pub fields: Fields,
    /// Its number in the workload file; `None` for a message that sandlab made.
    pub line: Option<usize>,
    /// The line that it was read from; `None` for a generated message.
    pub text: Option<String>,
    /// The last reply that was found right; an equal one is not checked again.
    checked: OnceLock<Vec<u8>>,
}

impl Exchange {
    /// Returns a message with its expected reaction.
    pub fn new(request: impl AsRef<[u8]>, expected: Expected) -> Self {
        Self {
            request: Message::request(request.as_ref()),
            expected,
            fields: Fields::default(),
            line: None,
            text: None,
            checked: OnceLock::new(),
        }
    }

    /// Reads a message from a line of a workload file.
    ///
    /// # Errors
    /// If the line is malformed; the text has the reason.
    pub fn of_line(text: &str) -> Result<Self, String> {
        let line: Line = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let (_, exchange) = line.exchange()?;
        Ok(Self { text: Some(text.to_owned()), ..exchange })
    }

    /// Returns the beginning of a sentence on the message: its line in the workload file; empty for a
    /// message that sandlab made.
    pub fn place(&self) -> String {
        self.line.map_or_else(String::new, |line| format!("line {line}: "))
    }

    /// Checks what came of the message, and that replies go back to its sender in its conversation.
    ///
    /// # Errors
    /// As [`Expected::check`]; also if a reply is addressed wrongly. The text names the line.
    pub fn check_all(&self, handled: &Handled) -> Result<(), String> {
        let checked = self.expected.check(handled).and_then(|()| self.check_addresses(handled));
        checked.map_err(|reason| format!("{}{reason}", self.place()))
    }

    fn check_addresses(&self, handled: &Handled) -> Result<(), String> {
        let request = &self.request;
        handled.replies.iter().zip(1..).try_for_each(|(reply, number)| {
            let fields = [
                ("recipient", reply.recipient, "sender", request.sender),
                ("conversation", reply.conversation, "conversation", request.conversation),
            ];
            match fields.into_iter().find(|(_, found, _, wanted)| found != wanted) {
                None => Ok(()),
                Some((field, found, of, wanted)) => Err(format!(
                    "the {field} of reply {number} is {found}, and not {wanted}, the request's {of}"
                )),
            }
        })
    }

    /// Checks the only reply to the message.
    ///
    /// # Errors
    /// As [`Expected::check_reply`].
    pub fn check(&self, reply: &[u8]) -> Result<(), String> {
        if self.checked.get().is_some_and(|checked| checked == reply) {
            return Ok(());
        }
        self.expected.check_reply(reply)?;
        let _ = self.checked.set(reply.to_vec());
        Ok(())
    }

    fn reply(request: impl AsRef<[u8]>, reply: impl Into<Vec<u8>>) -> Self {
        Self::new(request, Expected::Reply(reply.into()))
    }
}

impl Case {
    fn of(size: usize, exchanges: Vec<Exchange>) -> Self {
        Self { size: Some(size), ..Self::new(Kind::Agent, exchanges) }
    }

    /// Returns a series for subjects of a kind, without configuration or peers.
    pub fn new(kind: Kind, exchanges: Vec<Exchange>) -> Self {
        Self {
            kind,
            size: None,
            config: Vec::new(),
            peers: Vec::new(),
            directory: false,
            exchanges,
            faults: Vec::new(),
            refusals: Vec::new(),
            source: None,
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

fn excerpt(bytes: &[u8]) -> String {
    const SHOWN: usize = 40;
    let start = bytes[..bytes.len().min(SHOWN)].escape_ascii();
    match bytes.len() {
        0..=SHOWN => format!("\"{start}\""),
        longer => format!("\"{start}…\" ({longer} bytes)"),
    }
}

type Maker = fn(usize, &mut ChaCha8Rng) -> Case;

/// Returns the generator of a reference agent's messages; `None` if there is no such agent.
fn maker(agent: &str) -> Option<Maker> {
    Some(match agent {
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
    })
}

/// Returns the cases of a reference agent, one per size of [`SIZES`]; `None` if there is no such
/// agent.
pub fn of_agent(agent: &str, seed: u64) -> Option<Vec<Case>> {
    SIZES.into_iter().map(|size| of_size(agent, size, seed)).collect()
}

/// Returns the case of a reference agent for one size of its messages, bytes; `None` if there is
/// no such agent.
pub fn of_size(agent: &str, size: usize, seed: u64) -> Option<Case> {
    Some(maker(agent)?(size, &mut generator(agent, size, seed)))
}

/// Returns cases for an unknown subject of this kind: for a service a `GET` of `/`, for a command
/// no arguments. `None` for functions, whose arguments cannot be guessed.
pub fn of_kind(kind: Kind, seed: u64) -> Option<Vec<Case>> {
    let line = match kind {
        Kind::Agent => return Some(of_unknown(seed)),
        Kind::Function => return None,
        Kind::Service => "{\"http\": {}}",
        Kind::Command => "{\"args\": []}",
    };
    let exchange = Exchange::of_line(line).ok()?;
    Some(vec![Case::new(kind, vec![exchange])])
}

/// Returns cases for an unknown agent: random bytes, to which it must always give the same reply.
pub fn of_unknown(seed: u64) -> Vec<Case> {
    SIZES.map(|size| unknown(size, seed)).into()
}

/// Returns the case for an unknown agent with messages of one size, bytes.
pub fn unknown(size: usize, seed: u64) -> Case {
    conversation::unknown(size, &mut generator("", size, seed))
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
}
