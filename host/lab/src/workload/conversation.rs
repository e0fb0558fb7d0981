//! Messages for agents that reply, forward, store, or test the sandbox.

use super::text::words;
use super::{Case, Exchange, Expected, messages};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;
use std::sync::OnceLock;

/// The id of a case's first peer.
const FIRST_PEER: u64 = 2;

pub fn echo(size: usize, rng: &mut ChaCha8Rng) -> Case {
    let exchange = |_| {
        let content = random(size, rng);
        Exchange::reply(content.clone(), content)
    };
    Case::of(size, (0..messages(size)).map(exchange).collect())
}

pub fn relay(size: usize, rng: &mut ChaCha8Rng) -> Case {
    let exchange = |_| {
        let payload = random(size - 4, rng);
        let with_hops = |hops: u32| [hops.to_le_bytes().as_slice(), &payload].concat();
        Exchange::new(with_hops(1), Expected::Sends(FIRST_PEER, with_hops(0)))
    };
    Case {
        config: b"ring next".to_vec(),
        peers: vec!["next".to_owned()],
        ..Case::of(size, (0..messages(size)).map(exchange).collect())
    }
}

/// Writes, reads and deletes a note of this size, which leaves the agent as it was.
pub fn notebook(size: usize, rng: &mut ChaCha8Rng) -> Case {
    let exchanges = (0..messages(size) / 3).flat_map(|number| {
        let note = words(size, rng);
        [
            Exchange::reply(format!("put note-{number}\n{note}"), ""),
            Exchange::reply(format!("get note-{number}"), note.clone()),
            Exchange::reply(format!("delete note-{number}"), note),
        ]
    });
    Case::of(size, exchanges.collect())
}

/// Writes, reads and removes a file of this size, which leaves the directory as it was.
pub fn files(size: usize, rng: &mut ChaCha8Rng) -> Case {
    let content = random(size, rng);
    let exchanges = vec![
        Exchange::reply([b"write note\n".as_slice(), &content].concat(), ""),
        Exchange::reply("read note", content),
        Exchange::reply("remove note", ""),
    ];
    Case { directory: true, ..Case::of(size, exchanges) }
}

/// Allocates and writes this many bytes, and frees them.
pub fn allocator(size: usize, _rng: &mut ChaCha8Rng) -> Case {
    Case::of(size, vec![Exchange::reply(format!("touch {size}"), "0")])
}

/// Requests a reply of this many bytes: while it is measured, `faulty` does not fail.
pub fn faulty(size: usize, _rng: &mut ChaCha8Rng) -> Case {
    let exchange = Exchange::reply(format!("return {size}"), vec![b'x'; size]);
    Case::of(size, vec![exchange])
}

pub fn unknown(size: usize, rng: &mut ChaCha8Rng) -> Case {
    let exchange = |_| Exchange::new(random(size, rng), Expected::Repeats(OnceLock::new()));
    Case::of(size, (0..messages(size)).map(exchange).collect())
}

fn random(size: usize, rng: &mut ChaCha8Rng) -> Vec<u8> {
    let mut content = vec![0; size];
    rng.fill_bytes(&mut content);
    content
}
