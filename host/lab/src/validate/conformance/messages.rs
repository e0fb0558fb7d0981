//! General messages, which no agent may fault on: ids, sizes and performatives at which bindings
//! break.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use sandlab_runtime::{Message, Performative};

/// Ids at the limits of 32-bit, 53-bit and signed integers.
const IDS: [(u64, &str); 4] =
    [(0, "id 0"), (1 << 32, "id 2^32"), ((1 << 53) + 1, "id 2^53+1"), (u64::MAX - 1, "id 2^64-2")];

/// Sizes at the limits of usual buffers, pages and stacks.
const SIZES: [(usize, &str); 6] = [
    (0, "content of 0 B"),
    (64, "content of 64 B"),
    (16 << 10, "content of 16 KiB"),
    (64 << 10, "content of 64 KiB"),
    ((64 << 10) + 1, "content of 65,537 B"),
    (1 << 20, "content of 1 MiB"),
];

/// Returns the general messages with their names. The same seed gives the same messages.
pub fn general(seed: u64) -> Vec<(&'static str, Message)> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut message = |size: usize| {
        let mut content = vec![0; size];
        rng.fill_bytes(&mut content);
        Message::request(content)
    };
    let mut messages = Vec::new();
    for (id, name) in IDS {
        let ids = Message { id, conversation: id, sender: id, ..message(64) };
        messages.push((name, ids));
    }
    messages.extend(SIZES.map(|(size, name)| (name, message(size))));
    messages.extend(Performative::NAMES.map(|(performative, name)| {
        let message = Message { performative, ..message(64) };
        (name, message)
    }));
    messages
}
