//! Measures bulk memory operations, which nothing interrupts: a call can exceed its deadline by
//! as long as one takes. `cargo run --release --package sandlab-benches --bin bulk`

use sandlab::hostile::Guest;
use sandlab_runtime::config::Strategy;
use sandlab_runtime::wasm::{Cache, SandboxEngine};
use sandlab_runtime::{Backend, Identity, Message, SandboxConfig};
use std::time::{Duration, Instant};

/// Operations that a guest does over all of its memory, once per message.
const OPERATIONS: [(&str, &str); 2] = [
    (
        "memory.fill",
        "(memory.fill (i32.const 65536) (i32.const 7)
            (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 65536)))",
    ),
    (
        "memory.copy",
        "(memory.copy (i32.const 65537) (i32.const 65536)
            (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 65537)))",
    ),
];

/// Samples of each after the first time, which touches the memory.
const TIMES: usize = 5;

fn main() {
    println!("operation    memory    first time   median of {TIMES}");
    for mebibytes in [64_u32, 256, 1_024, 4_095] {
        for (name, operation) in OPERATIONS {
            let times = times(operation, mebibytes);
            let mut later = times[1..].to_vec();
            later.sort();
            let (first, median) = (times[0], later[later.len() / 2]);
            println!("{name}  {mebibytes:>5} MiB  {first:>11.2?}  {median:>11.2?}");
        }
    }
}

fn times(operation: &'static str, mebibytes: u32) -> Vec<Duration> {
    let mut sandbox = SandboxConfig {
        memory_limit: bytesize::ByteSize::gib(4),
        deadline: Duration::from_secs(60),
        ..SandboxConfig::default()
    };
    sandbox.allocation.strategy = Strategy::OnDemand;
    let component =
        Guest { handle: operation, pages: mebibytes * 16, ..Guest::default() }.component();
    let engine = SandboxEngine::with_cache(&sandbox, Cache::none()).expect("an engine");
    let sandbox = engine.load_bytes(&component).expect("a guest");
    let mut agent = sandbox.spawn(Identity::alone()).expect("an instance");
    let message = Message::request(b"go");
    (0..=TIMES)
        .map(|_| {
            let begun = Instant::now();
            agent.handle(&message).expect("an answer");
            begun.elapsed()
        })
        .collect()
}
