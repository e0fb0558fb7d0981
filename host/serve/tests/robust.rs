//! Whatever is sent, each connection is answered or closed, and the host goes on.

mod common;

use common::{Served, connect};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Requests that are right, to begin with: of HTTP/1.1, and the preface and a request of HTTP/2.
const SEEDS: [&[u8]; 6] = [
    b"POST /agents/echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\n\r\nhello",
    b"POST /agents/echo/tell HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"POST /agents/faulty HTTP/1.1\r\nhost: localhost\r\nsandlab-timeout: 1s\r\nsandlab-conversation: 7\r\n\
      sandlab-performative: query-if\r\naccept: text/event-stream\r\ncontent-length: 9\r\n\r\nreplies 2",
    b"GET /metrics HTTP/1.1\r\nhost: localhost\r\naccept: application/openmetrics-text\r\n\r\n",
    b"GET /readyz HTTP/1.0\r\n\r\nGET / HTTP/1.1\r\nhost: [::1]:1\r\norigin: http://[::1]:1\r\nauthorization: Bearer x\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0\x06\x01\x05\0\0\0\x01\x82\x84\x86\x41\x01a",
];

const REQUESTS: u64 = 3_000;
const SENDERS: u64 = 16;

/// Changes a request in a few places.
fn mutated(random: &mut ChaCha8Rng) -> Vec<u8> {
    let mut below = |end: usize| random.next_u32() as usize % end.max(1);
    let mut bytes = SEEDS[below(SEEDS.len())].to_vec();
    for _ in 0..1 + below(6) {
        let at = below(bytes.len());
        let end = at + below(bytes.len() - at).min(32);
        match below(7) {
            0 => bytes[at] = below(256) as u8,
            1 => bytes[at] ^= 1 << below(8),
            2 => bytes.insert(at, below(256) as u8),
            3 => drop(bytes.drain(at..end)),
            4 => bytes.extend_from_within(at..end),
            5 => bytes.truncate(at + 1),
            _ => drop(bytes.splice(at..at, vec![b'9'; below(64)])),
        }
        if bytes.is_empty() {
            bytes.push(b'G');
        }
    }
    bytes
}

/// Sends a request, and returns when the connection is closed.
fn send(address: SocketAddr, bytes: &[u8], ends: bool) {
    let mut stream = connect(address);
    // It may be closed before all is sent.
    if stream.write_all(bytes).is_ok() && ends {
        let _ = stream.shutdown(Shutdown::Write);
    }
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    let is_closed = read.is_ok_and(|_| true) || !answer.is_empty() || stream.take_error().is_ok();
    assert!(is_closed, "{:?}", String::from_utf8_lossy(bytes));
}

#[test]
fn no_request_hangs_or_breaks_a_host() {
    static PANICS: AtomicU64 = AtomicU64::new(0);
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        PANICS.fetch_add(1, Relaxed);
        usual(panic);
    }));
    let served = Served::of(
        "[limits]\nheader-time = '200ms'\nbody-time = '200ms'\nbody = '64 KiB'\n\
         [agents.echo]\ncomponent = '@echo'\n[agents.faulty]\ncomponent = '@faulty'",
    );
    let all = |round: u64| {
        std::thread::scope(|scope| {
            for sender in 0..SENDERS {
                let mut random = ChaCha8Rng::seed_from_u64(round * SENDERS + sender);
                scope.spawn(move || {
                    for number in 0..REQUESTS / SENDERS {
                        // Some connections are kept open, until the host closes them.
                        send(served.address, &mutated(&mut random), number % 16 != 0);
                    }
                });
            }
        });
        served.block_on(served.host.snapshot()).process.resident_memory.unwrap()
    };
    let before = all(0);
    let after = all(1);
    assert_eq!(PANICS.load(Relaxed), 0);
    assert!(after < before + (32 << 20), "memory went from {before} to {after} bytes");
    assert_eq!(served.post("/agents/echo", &[], "well").text(), "well");
    let figures = served.block_on(served.host.snapshot()).agents;
    assert!(
        figures.values().all(|agent| agent.in_flight == 0 && agent.instances == 1),
        "{figures:?}"
    );
    assert!(figures["echo"].answered > 10, "some are right all the same: {figures:?}");
    assert!(served.close(common::PATIENCE));
}
